-- The stored order of events, with what the stored events themselves say.
SELECT
    stored.project_id,
    event.task_id,
    stored.run_id,
    stored.ordinal,
    stored.occurred_at,
    stored.layer,
    event.kind,
    main.event_method(event.kind, event.method) AS method,
    event.session_update,
    main.event_tool_call(event.kind, event.session_update, event.tool_call_id, event.payload) AS tool_call_id,
    event.event_id,
    CAST(NULL AS VARCHAR) AS first_event_id,
    stored.message_position,
    stored.source,
    stored.incarnation,
    stored.stream_ms,
    stored.stream_seq,
    stored.position,
    main.event_text(event.payload) AS text,
    main.text_length(text, event.redacted, event.payload) AS characters,
    event.payload,
    event.redacted
FROM
    mart.run_timeline AS stored
    INNER JOIN raw.run_events AS event
        ON stored.project_id = event.project_id
        AND stored.run_id = event.run_id
        AND stored.source = event.source
        AND stored.incarnation = event.incarnation
        AND stored.stream_ms = event.stream_ms
        AND stored.stream_seq = event.stream_seq
UNION ALL
SELECT
    stored.project_id,
    entry.task_id,
    stored.run_id,
    stored.ordinal,
    stored.occurred_at,
    stored.layer,
    entry.kind,
    main.event_method(entry.kind, entry.method) AS method,
    entry.session_update,
    main.event_tool_call(entry.kind, entry.session_update, entry.tool_call_id, entry.payload) AS tool_call_id,
    entry.event_id,
    entry.first_event_id,
    stored.message_position,
    stored.source,
    stored.incarnation,
    stored.stream_ms,
    stored.stream_seq,
    stored.position,
    main.event_text(entry.payload) AS text,
    main.text_length(text, entry.redacted, entry.payload) AS characters,
    entry.payload,
    entry.redacted
FROM
    mart.run_timeline AS stored
    INNER JOIN raw.run_log_entries AS entry
        ON stored.project_id = entry.project_id
        AND stored.run_id = entry.run_id
        AND stored.position = entry.position
WHERE
    stored.stream_ms IS NULL
