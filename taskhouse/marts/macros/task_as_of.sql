-- `FROM task_as_of(TIMESTAMPTZ '2026-01-31 12:00:00+00')`: one row per task that had been seen by a given time, in its
-- state at that time.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- as_of: The requested time.
-- is_present: Whether it was visible; false while it was absent.
-- title: Its title.
-- repository: `organization/repository`.
-- origin_product: What created it.
-- internal: Whether it is hidden by default.
-- archived: Whether it is archived.
-- created_by: The person who created it.
-- created_at: When it was created.
-- updated_at: When the server says it changed.
-- latest_run_id: Its newest run.
-- latest_run_status: State of that run.
-- latest_run_environment: `local` or `cloud`.
-- valid_from: When this version was first seen.
-- payload: The task as JSON.
CREATE MACRO main.task_as_of(moment) AS TABLE
    SELECT
        task.project_id,
        task.task_id,
        CAST(moment AS TIMESTAMPTZ) AS as_of,
        EXISTS (
            SELECT 1
            FROM raw.task_sightings AS sighting
            WHERE
                sighting.project_id = task.project_id
                AND sighting.task_id = task.task_id
                AND sighting.first_seen_at <= CAST(moment AS TIMESTAMPTZ)
                AND (sighting.absent_since IS NULL OR sighting.absent_since > CAST(moment AS TIMESTAMPTZ))
        ) AS is_present,
        task.title,
        task.repository,
        task.origin_product,
        task.internal,
        task.archived,
        task.created_by,
        task.created_at,
        task.updated_at,
        task.latest_run_id,
        task.latest_run_status,
        task.latest_run_environment,
        task.valid_from,
        task.payload
    FROM
        main.task_history AS task
    WHERE
        task.valid_from <= CAST(moment AS TIMESTAMPTZ)
        AND (task.valid_to IS NULL OR task.valid_to > CAST(moment AS TIMESTAMPTZ))
