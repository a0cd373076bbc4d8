-- One row per version of a task: its state from valid_from until valid_to.
-- Key: `project_id`, `task_id`, `valid_from`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- title: Its title.
-- repository: `organization/repository`, in lower case; NULL if it has none.
-- origin_product: What created it: `user_created`, `error_tracking`, `slack`, …
-- internal: Whether it is hidden by default.
-- archived: Whether it is archived.
-- created_by: The person who created it, by uuid.
-- created_at: When the server created it.
-- updated_at: When the server says it changed. Changes of its runs do not count.
-- latest_run_id: Its newest run.
-- latest_run_status: State of that run.
-- latest_run_environment: `local` or `cloud`.
-- observed_in: Source of this version: `list`, `summaries` or `run`.
-- valid_from: When it was first seen. The change happened between the previous look and this one.
-- valid_to: When the next version was seen; NULL for the newest.
-- is_current: Whether it is the newest.
-- payload: The task as JSON, without its runs. Query it through `event_document`.
-- pass_id: The pass that saw it.
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
    version AS (PARTITION BY project_id, task_id ORDER BY valid_from ASC)
