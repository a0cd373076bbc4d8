-- One row per version of a task: what it looked like from valid_from until valid_to.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- title: Its title.
-- repository: `organization/repository`, in lower case; NULL where it has none.
-- origin_product: What made it: `user_created`, `error_tracking`, `slack`, …
-- internal: Whether it is hidden by default.
-- archived: Whether it is archived.
-- created_by: The person who made it, by uuid.
-- created_at: When the server made it.
-- updated_at: When the server says it changed; its runs do not move it.
-- latest_run_id: Its newest run.
-- latest_run_status: State of that run.
-- latest_run_environment: `local` or `cloud`.
-- observed_in: What told of this version: `list`, `summaries` or `run`.
-- valid_from: When it was first seen; the change came between the look before and this one.
-- valid_to: When the next version was seen; NULL for the newest.
-- is_current: Whether it is the newest.
-- payload: The task as JSON, without its runs.
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
    version AS (PARTITION BY project_id, task_id ORDER BY valid_from)
