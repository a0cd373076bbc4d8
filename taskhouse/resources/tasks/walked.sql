-- What a pass has seen until now: the tasks, and the pages by their bodies.
SELECT
    'task' AS what,
    task_id AS key
FROM
    raw.task_sightings
WHERE
    project_id = $project_id
    AND last_pass_id = $pass_id
UNION ALL
SELECT
    'page' AS what,
    sha256 AS key
FROM
    ledger.pages
WHERE
    pass_id = $pass_id
    AND row_offset IS NOT NULL
