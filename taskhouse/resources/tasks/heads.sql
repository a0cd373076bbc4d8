-- What the newest versions of some tasks say, as far as a summary can say it too.
SELECT
    task_id,
    title,
    repository,
    origin_product,
    updated_at,
    latest_run_id,
    latest_run_status,
    latest_run_environment
FROM
    raw.task_versions
WHERE
    project_id = $project_id
    AND list_contains($task_ids, task_id)
QUALIFY
    row_number() OVER (PARTITION BY task_id ORDER BY valid_from DESC) = 1
