-- One row per failed attempt of a run, with its message, a fingerprint of it, and the time that it cost. To rank
-- causes, group by `fingerprint` and add up `hours`.
-- Key: `project_id`, `run_id`, `attempt`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- run_id: The run.
-- attempt: Number of the attempt within the run, from 1; see `run_attempts`.
-- failed_at: When it failed.
-- fingerprint: The message without ids, numbers, paths and quoted texts, in lower case; see the macro `fingerprint`.
--   NULL if there is no message, or if `capture_text = none` hides it.
-- message: Why it failed, as the server says; reopening a run clears it.
-- place: Where it failed, according to its events: `before_start`: its agent never reported that it is running. `tool`:
--   its last tool call had not ended, or had failed. `agent`: elsewhere. NULL if it has no events.
-- tool: The agent's name of that tool, or its kind if it has none; NULL if `place` is not `tool`.
-- tool_call_id: That call, in `tool_calls`.
-- hours: Hours from the beginning of the attempt to its failure, including waiting time; NULL if its beginning is not
--   known.
-- has_events: Whether events of the attempt were captured.
-- repository: Repository of the task at the time.
-- model: The model.
-- runtime_adapter: The agent.
-- environment: `local` or `cloud`.
-- origin_product: What created the task.
-- visibility: `listed`, `internal`, `archived` or `absent` at the time; NULL if the task was never seen.
WITH failed AS (
    SELECT
        attempt.*,
        activity.has_events_before_end AS has_events,
        activity.last_tool_call_id,
        activity.last_tool,
        CASE
            WHEN activity.last_tool_call_id IS NOT NULL AND activity.last_tool_status IS DISTINCT FROM 'completed'
                THEN 'tool'
            WHEN attempt.started_at IS NULL AND activity.last_tool_call_id IS NULL AND activity.has_events_before_end
                THEN 'before_start'
            WHEN activity.has_events_before_end THEN 'agent'
        END AS place
    FROM
        main.run_attempts AS attempt
        INNER JOIN main.run_activity AS activity
            ON attempt.project_id = activity.project_id
            AND attempt.run_id = activity.run_id
            AND attempt.attempt = activity.attempt
    WHERE
        attempt.status = 'failed'
)

SELECT
    project_id,
    task_id,
    run_id,
    attempt,
    ended_at AS failed_at,
    main.fingerprint(error_message) AS fingerprint,
    main.plain_text(error_message) AS message,
    place,
    CASE WHEN place = 'tool' THEN last_tool END AS tool,
    CASE WHEN place = 'tool' THEN last_tool_call_id END AS tool_call_id,
    duration_s / 3600 AS hours,
    has_events,
    repository,
    model,
    runtime_adapter,
    environment,
    origin_product,
    visibility
FROM
    failed
