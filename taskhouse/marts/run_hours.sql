-- One row per run and hour in which it has an event in either layer.
-- Key: `project_id`, `run_id`, `hour`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- run_id: The run.
-- hour: The full hour in UTC at which it begins; NULL for events without a time.
-- live_events: Live events that happened in it. An event in both layers is counted in both.
-- identified_events: Of these, those with an id in the stream.
-- log_entries: Log entries that were written in it.
-- last_event_at: When the last of them happened.
-- last_event: What that was: its JSON-RPC method, or its type if it has none.
-- known_at: When the last of them was read.
WITH happened AS (
    SELECT
        project_id,
        task_id,
        run_id,
        occurred_at,
        received_at,
        true AS is_live,
        stream_ms,
        coalesce(method, kind) AS name,
        coalesce(stream_seq, 0) AS place
    FROM
        raw.run_events
    UNION ALL BY NAME
    SELECT
        project_id,
        task_id,
        run_id,
        occurred_at,
        received_at,
        false AS is_live,
        coalesce(method, kind) AS name,
        position AS place
    FROM
        raw.run_log_entries
)

SELECT
    project_id,
    task_id,
    run_id,
    make_timestamptz(epoch_us(occurred_at) // 3600000000 * 3600000000) AS hour,
    count(*) FILTER (WHERE is_live) AS live_events,
    count(stream_ms) AS identified_events,
    count(*) FILTER (WHERE NOT is_live) AS log_entries,
    max(occurred_at) AS last_event_at,
    arg_max(name, (occurred_at, place)) AS last_event,
    max(received_at) AS known_at
FROM
    happened
GROUP BY
    ALL
