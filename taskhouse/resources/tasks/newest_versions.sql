-- The newest version of some tasks, whole.
SELECT
    *
FROM
    raw.task_versions
WHERE
    project_id = $project_id
    AND list_contains($task_ids, task_id)
QUALIFY
    row_number() OVER (PARTITION BY task_id ORDER BY valid_from DESC) = 1
