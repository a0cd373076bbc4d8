-- One row per project and person who created a task, with what became of the tasks. A task whose creator PostHog does
-- not name, as for most tasks that a product created, is left out: `projects` has `tasks_without_creator`.
-- Key: `project_id`, `created_by`.
--
-- project_id: The PostHog project.
-- created_by: The person, by uuid, as in `tasks`.
-- email: E-mail address, as last seen in a task; NULL if PostHog sent none. It is the only name of a person that
--   taskhouse keeps, also with `capture_text = none`.
-- user_id: Id of the user on the server, as last seen.
-- tasks: Tasks that the person created.
-- first_task_at: When the first of them was created.
-- last_task_at: When the last of them was created.
-- last_activity_at: When one of them last moved; see `task_lifecycle`.
-- never_run: Tasks that were never run.
-- completed: Tasks whose newest attempt completed. With `failed`, `cancelled`, `going_on` and `never_run` they are all.
-- failed: Tasks whose newest attempt failed.
-- cancelled: Tasks whose newest attempt was cancelled.
-- going_on: Tasks whose newest attempt has not ended.
-- merged: Tasks with a pull request that was seen merged.
-- bounced: Tasks that were begun again at least once; see `task_lifecycle.bounces`.
-- abandoned: Tasks that are abandoned; see `task_lifecycle.is_abandoned`.
-- runs: Runs of these tasks.
-- attempts: Attempts of these runs.
-- failures: Attempts that failed.
-- events_known: Of `attempts`, those with captured events.
WITH known AS (
    SELECT
        project_id,
        created_by,
        arg_max(json_extract_string(main.event_document(payload), '$.created_by.email'), valid_from) AS email,
        arg_max(json_extract_string(main.event_document(payload), '$.created_by.id'), valid_from) AS user_id
    FROM
        raw.task_versions
    WHERE
        created_by IS NOT NULL
    GROUP BY
        project_id,
        created_by
)

SELECT
    task.project_id,
    task.created_by,
    main.plain_text(known.email) AS email,
    TRY_CAST(known.user_id AS BIGINT) AS user_id,
    count(*) AS tasks,
    min(task.created_at) AS first_task_at,
    max(task.created_at) AS last_task_at,
    max(task.last_activity_at) AS last_activity_at,
    count(*) FILTER (WHERE task.status IS NULL) AS never_run,
    count(*) FILTER (WHERE task.status = 'completed') AS completed,
    count(*) FILTER (WHERE task.status = 'failed') AS failed,
    count(*) FILTER (WHERE task.status = 'cancelled') AS cancelled,
    count(*) FILTER (WHERE task.status NOT IN ('completed', 'failed', 'cancelled')) AS going_on,
    count(task.merged_before) AS merged,
    count(*) FILTER (WHERE task.bounces > 0) AS bounced,
    count(*) FILTER (WHERE task.is_abandoned) AS abandoned,
    TRY_CAST(sum(task.runs) AS BIGINT) AS runs,
    TRY_CAST(sum(task.attempts) AS BIGINT) AS attempts,
    TRY_CAST(sum(task.failures) AS BIGINT) AS failures,
    TRY_CAST(sum(task.events_known) AS BIGINT) AS events_known
FROM
    main.task_lifecycle AS task
    INNER JOIN known
        ON task.project_id = known.project_id
        AND task.created_by = known.created_by
GROUP BY
    task.project_id,
    task.created_by,
    known.email,
    known.user_id
