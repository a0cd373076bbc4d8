-- One row per version of a task: what it looked like from valid_from until valid_to.
SELECT
    project_id,
    task_id,
    title,
    repository,
    origin_product,
    internal,
    archived,
    created_by,
    created_at,
    updated_at,
    latest_run_id,
    latest_run_status,
    latest_run_environment,
    observed_in,
    valid_from,
    lead(valid_from) OVER version AS valid_to,
    lead(valid_from) OVER version IS NULL AS is_current,
    payload,
    pass_id
FROM
    raw.task_versions
WINDOW
    version AS (PARTITION BY project_id, task_id ORDER BY valid_from)
