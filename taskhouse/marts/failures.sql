-- One row per failed attempt of a run, with its message, a fingerprint of it, and the time that it cost. To rank
-- causes, group by `fingerprint` and add up `hours`.
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
WITH attempt AS (
    SELECT
        *,
        lag(ended_at) OVER (PARTITION BY project_id, run_id ORDER BY attempt) AS ended_before
    FROM
        main.run_attempts
),

failed AS (
    SELECT
        *
    FROM
        attempt
    WHERE
        status = 'failed'
),

event AS (
    SELECT
        project_id,
        run_id,
        tool_call_id,
        occurred_at
    FROM
        raw.run_events
    UNION ALL
    SELECT
        project_id,
        run_id,
        tool_call_id,
        occurred_at
    FROM
        raw.run_log_entries
),

last_call AS (
    SELECT
        failed.project_id,
        failed.run_id,
        failed.attempt,
        failed.ended_before,
        failed.ended_at,
        arg_max(event.tool_call_id, (event.occurred_at, event.tool_call_id)) AS tool_call_id
    FROM
        failed
        INNER JOIN event
            ON failed.project_id = event.project_id
            AND failed.run_id = event.run_id
            AND event.occurred_at <= failed.ended_at
            AND (failed.ended_before IS NULL OR event.occurred_at > failed.ended_before)
    GROUP BY
        ALL
),

-- What the events of these calls say: few, so that few texts are read.
said AS (
    SELECT
        project_id,
        run_id,
        tool_call_id,
        occurred_at,
        payload
    FROM
        raw.run_events
    UNION ALL
    SELECT
        project_id,
        run_id,
        tool_call_id,
        occurred_at,
        payload
    FROM
        raw.run_log_entries
),

read AS (
    SELECT
        last_call.project_id,
        last_call.run_id,
        last_call.attempt,
        said.occurred_at,
        json_extract_string(
            main.event_document(said.payload),
            [
                '$.notification.params.update.status',
                '$.event.toolCall.status',
                '$.notification.params.update._meta.claudeCode.toolName',
                '$.notification.params.update.kind',
                '$.event.toolCall.kind'
            ]
        ) AS field
    FROM
        last_call
        INNER JOIN said
            ON last_call.project_id = said.project_id
            AND last_call.run_id = said.run_id
            AND last_call.tool_call_id = said.tool_call_id
            AND said.occurred_at <= last_call.ended_at
            AND (last_call.ended_before IS NULL OR said.occurred_at > last_call.ended_before)
),

tool AS (
    SELECT
        project_id,
        run_id,
        attempt,
        arg_max(coalesce(field[1], field[2]), occurred_at) AS status,
        coalesce(max(field[3]), max(coalesce(field[4], field[5]))) AS tool
    FROM
        read
    GROUP BY
        ALL
),

placed AS (
    SELECT
        failed.*,
        last_call.run_id IS NOT NULL AS has_events,
        last_call.tool_call_id,
        tool.tool,
        CASE
            WHEN last_call.tool_call_id IS NOT NULL AND tool.status IS DISTINCT FROM 'completed' THEN 'tool'
            WHEN failed.started_at IS NULL AND last_call.tool_call_id IS NULL AND last_call.run_id IS NOT NULL
                THEN 'before_start'
            WHEN last_call.run_id IS NOT NULL THEN 'agent'
        END AS place
    FROM
        failed
        LEFT JOIN last_call
            ON failed.project_id = last_call.project_id
            AND failed.run_id = last_call.run_id
            AND failed.attempt = last_call.attempt
        LEFT JOIN tool
            ON failed.project_id = tool.project_id
            AND failed.run_id = tool.run_id
            AND failed.attempt = tool.attempt
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
    CASE WHEN place = 'tool' THEN tool END AS tool,
    CASE WHEN place = 'tool' THEN tool_call_id END AS tool_call_id,
    duration_s / 3600 AS hours,
    has_events,
    repository,
    model,
    runtime_adapter,
    environment,
    origin_product,
    visibility
FROM
    placed
