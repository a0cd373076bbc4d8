-- One row per event that says where a run stands: its state in the event stream, or the agent's report that it runs.
-- A report that both layers have is two rows. `run_states` and `run_attempts` rest on it.
-- Key: `project_id`, `run_id`, `layer`, `signal`, `occurred_at`, `place`, `received_at`, `status`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- run_id: The run.
-- layer: `live` or `log`.
-- signal: `state` or `started`.
-- occurred_at: When it happened: of a state, the time in its id in the stream.
-- received_at: When it was read.
-- place: Of a state, the second part of its id.
-- status: Of a state: `not_started`, `queued`, `in_progress`, `completed`, `failed` or `cancelled`.
-- updated_at: Of a state, when the server last changed the run.
-- completed_at: Of a state, when the run ended, according to the server.
-- pr_url: Of a state, the pull request that the run names.
-- error_message: Of a state, why the run failed.
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
    'live' AS layer,
    'started' AS signal,
    occurred_at,
    received_at
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
    'started' AS signal,
    occurred_at,
    received_at
FROM
    raw.run_log_entries
WHERE
    (method = '_posthog/run_started' OR kind = 'pi_run_started')
    AND occurred_at IS NOT NULL
