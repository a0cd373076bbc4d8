-- One row per event that says where a run stands: its state in the event stream, or the agent's report that it runs.
-- A report that both layers have is two rows. `run_states` and `run_attempts` rest on it.
-- Key: `project_id`, `run_id`, `layer`, `signal`, `occurred_at`, `place`, `received_at`, `status`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- run_id: The run.
-- layer: `live` or `log`.
-- signal: `state` or `started`.
-- occurred_at: When it happened: of a state, the time in its id in the stream; of a report, the agent's time or, if the
--   clock of the agent was ahead, the time in its id in the stream. The report in the log that is within a second of it
--   has that time too.
-- received_at: When it was read; of a report in the log, also when that of the stream was.
-- place: Of a state, the second part of its id.
-- status: Of a state: `not_started`, `queued`, `in_progress`, `completed`, `failed` or `cancelled`.
-- updated_at: Of a state, when the server last changed the run.
-- completed_at: Of a state, when the run ended, according to the server.
-- pr_url: Of a state, the pull request that the run names.
-- error_message: Of a state, why the run failed.
-- has_server_time: Of a report, whether the stream shows when the server had it.
WITH report AS (
    SELECT
        project_id,
        task_id,
        run_id,
        'live' AS layer,
        occurred_at,
        received_at,
        CASE WHEN stream_ms < 253370764800000 THEN make_timestamptz(CAST(stream_ms AS BIGINT) * 1000) END AS stream_at
    FROM
        raw.run_events
    WHERE
        (method = '_posthog/run_started' OR kind = 'pi_run_started')
        AND occurred_at IS NOT NULL
    UNION ALL BY NAME
    SELECT
        project_id,
        task_id,
        run_id,
        'log' AS layer,
        occurred_at,
        received_at
    FROM
        raw.run_log_entries
    WHERE
        (method = '_posthog/run_started' OR kind = 'pi_run_started')
        AND occurred_at IS NOT NULL
)

SELECT
    project_id,
    task_id,
    run_id,
    'live' AS layer,
    'state' AS signal,
    make_timestamptz(CAST(stream_ms AS BIGINT) * 1000) AS occurred_at,
    received_at,
    stream_seq AS place,
    json_extract_string(main.event_document(payload), '$.status') AS status,
    main.event_time(json_extract_string(main.event_document(payload), '$.updated_at')) AS updated_at,
    main.event_time(json_extract_string(main.event_document(payload), '$.completed_at')) AS completed_at,
    -- Where texts are not kept, there is only its size.
    nullif(regexp_extract(json_extract_string(main.event_document(payload), '$.output.pr_url'), '^https?://\S+$'), '')
        AS pr_url,
    json_extract_string(main.event_document(payload), '$.error_message') AS error_message
FROM
    raw.run_events
WHERE
    kind = 'task_run_state'
    AND stream_ms < 253370764800000
    AND regexp_full_match(json_extract_string(main.event_document(payload), '$.status'), '[a-z_]+')
UNION ALL BY NAME
SELECT
    project_id,
    task_id,
    run_id,
    layer,
    'started' AS signal,
    least(occurred_at, min(stream_at) OVER near) AS occurred_at,
    CASE
        WHEN layer = 'log' THEN greatest(received_at, max(received_at) FILTER (WHERE stream_at IS NOT NULL) OVER near)
        ELSE received_at
    END AS received_at,
    min(stream_at) OVER near IS NOT NULL AS has_server_time
FROM
    report
WINDOW
    near AS (
        PARTITION BY project_id, run_id
        ORDER BY occurred_at ASC
        RANGE BETWEEN INTERVAL 1 SECOND PRECEDING AND INTERVAL 1 SECOND FOLLOWING
    )
