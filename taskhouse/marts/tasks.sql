-- One row per task that was ever seen, in its last known state.
-- Key: `project_id`, `task_id`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- title: Its title.
-- repository: `organization/repository`, in lower case; NULL if it has none.
-- origin_product: What created it: `user_created`, `error_tracking`, `slack`, …
-- internal: Whether it is hidden by default.
-- archived: Whether it is archived.
-- created_by: The person who created it, by uuid; see `people`.
-- created_at: When the server created it.
-- updated_at: When the server says it changed. Changes of its runs do not count.
-- latest_run_id: Its newest run.
-- latest_run_status: State of that run.
-- latest_run_environment: `local` or `cloud`.
-- first_seen_at: When it was first seen.
-- last_seen_at: When it was last seen.
-- absent_since: When a complete pass no longer saw it, because it was deleted or hidden from the owner of the key. NULL
--   while it is there.
-- payload: The task as JSON, without its runs. Query it through `event_document`.
WITH sighting AS (
    SELECT
        project_id,
        task_id,
        min(first_seen_at) AS first_seen_at,
        max(last_seen_at) AS last_seen_at,
        arg_max_null(absent_since, first_seen_at) AS absent_since
    FROM
        raw.task_sightings
    GROUP BY
        project_id,
        task_id
)

SELECT
    task.* EXCLUDE (observed_in, valid_from, valid_to, is_current, pass_id, payload),
    sighting.first_seen_at,
    sighting.last_seen_at,
    sighting.absent_since,
    task.payload
FROM
    main.task_history AS task
    INNER JOIN sighting USING (project_id, task_id)
WHERE
    task.is_current
