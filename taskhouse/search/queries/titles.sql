-- Titles of some tasks, as last seen.
SELECT
    project_id,
    task_id,
    title
FROM
    subjects
WHERE
    run_id IS NULL
    AND task_id IN (SELECT value FROM json_each($tasks))
