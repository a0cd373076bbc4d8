-- One row per event of a run from either layer: a live event and the log entry of the same event are one row. They are
-- the same event if the agent's number is equal or, without a number, if their content is equal, as many times as both
-- layers have it. Only agent messages still appear twice: chunk by chunk from the live stream, and whole from the log;
-- see `run_timeline`.
-- Key: `project_id`, `run_id`, `occurred_at`, `stream_ms`, `stream_seq`, `incarnation`, `position`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- run_id: The run.
-- layer: `both`, `live` or `log`.
-- kind: Type of the envelope: `notification`, `task_run_state`, `permission_request`, `pi_event`, …
-- method: JSON-RPC method, with one leading underscore where agents send two; a permission prompt always has
--   `_posthog/permission_request`, even if the live stream uses another form.
-- session_update: Kind of a `session/update`, or of an event of the pi runtime.
-- tool_call_id: The tool call that it belongs to.
-- event_id: The agent's number, `<boot>-<number>`; older agents have none.
-- first_event_id: For a message that the log merged, the number of its first chunk; `event_id` is the number of its
--   last chunk.
-- occurred_at: When it happened, according to the live stream or, if it is not there, the log.
-- received_at: When it was read.
-- source: The leg that its id in the stream belongs to: the endpoint through which the stream was read; `log` for an
--   entry of the log.
-- stream_ms: First part of its id in the live stream.
-- stream_seq: Second part of it.
-- incarnation: 1 or more if an earlier event had the same id.
-- position: Its place in the run's log, from 0.
-- logged_at: When it happened, according to the log, whose timestamps are a little later.
-- json_ok: Whether DuckDB can read the text as JSON unchanged.
-- text: Its content as plain text, without NUL characters; see the macro `event_text`.
-- characters: Length of that text in Unicode characters, even if the capture keeps only a mark of its length.
-- payload: The exact text that arrived; if both layers have it, that of the live event. Query it through
--   `event_document`.
-- redacted: Whether something was removed from that text: a secret, a signed address, or with `capture_text = none`
--   every text.
-- tie: The payload of a live event without an id in the stream: it orders events that were read at the same time.
WITH entry AS (
    SELECT
        project_id,
        task_id,
        run_id,
        true AS is_live,
        source,
        incarnation,
        stream_ms,
        stream_seq,
        NULL AS position,
        event_id,
        NULL AS first_event_id,
        kind,
        method,
        session_update,
        tool_call_id,
        occurred_at,
        received_at,
        payload,
        json_ok,
        redacted
    FROM
        raw.run_events
    WHERE
        stream_ms IS NOT NULL
        OR stream_id IS NULL
        OR NOT starts_with(stream_id, 'log-')
    UNION ALL BY NAME
    -- Frames named log-<n> are the log's own entries, come by way of the stream: used until the log itself is kept.
    SELECT
        project_id,
        task_id,
        run_id,
        false AS is_live,
        source,
        incarnation,
        TRY_CAST(substr(stream_id, 5) AS BIGINT) AS position,
        event_id,
        json_extract_string(main.event_document(payload), '$.first_event_id') AS first_event_id,
        kind,
        method,
        session_update,
        tool_call_id,
        occurred_at,
        received_at,
        payload,
        json_ok,
        redacted
    FROM
        raw.run_events AS frame
    WHERE
        stream_ms IS NULL
        AND starts_with(stream_id, 'log-')
        AND NOT EXISTS (
            SELECT 1
            FROM raw.run_log_entries AS entry
            WHERE
                entry.project_id = frame.project_id
                AND entry.task_id = frame.task_id
                AND entry.run_id = frame.run_id
        )
    UNION ALL BY NAME
    SELECT
        project_id,
        task_id,
        run_id,
        false AS is_live,
        'log' AS source,
        0 AS incarnation,
        position,
        event_id,
        first_event_id,
        kind,
        method,
        session_update,
        tool_call_id,
        occurred_at,
        received_at,
        payload,
        json_ok,
        redacted
    FROM
        raw.run_log_entries
),

-- What is read from the payload is read before rows are sorted, so that the payload need not be carried along.
named AS (
    SELECT
        * REPLACE (
            main.event_method(kind, method) AS method,
            main.event_tool_call(kind, session_update, tool_call_id, payload) AS tool_call_id
        ),
        main.event_text(payload) AS text,
        main.text_length(text, redacted, payload) AS characters,
        CASE WHEN stream_ms IS NULL AND position IS NULL THEN payload END AS tie
    FROM
        entry
),

keyed AS (
    SELECT
        *,
        CASE
            WHEN method = '_posthog/permission_request'
                THEN 'request ' || coalesce(
                    json_extract_string(main.event_document(payload), '$.requestId'),
                    json_extract_string(main.event_document(payload), '$.notification.params.requestId'),
                    event_id,
                    md5(payload)
                )
            WHEN first_event_id IS NOT NULL THEN 'range ' || first_event_id || ' ' || coalesce(event_id, '')
            WHEN event_id IS NOT NULL THEN 'event ' || event_id
            ELSE 'content ' || md5(main.event_content(payload))
        END AS identity
    FROM
        named
),

counted AS (
    SELECT
        *,
        row_number() OVER (
            PARTITION BY project_id, task_id, run_id, method, session_update, tool_call_id, identity, is_live, source
            ORDER BY
                coalesce(stream_ms, epoch_ms(received_at)) ASC,
                stream_seq ASC,
                incarnation ASC,
                position ASC,
                received_at ASC,
                tie ASC
        ) AS occurrence
    FROM
        keyed
)

SELECT
    project_id,
    task_id,
    run_id,
    CASE WHEN is_live THEN CASE WHEN last_value(is_live) OVER same THEN 'live' ELSE 'both' END ELSE 'log' END AS layer,
    kind,
    method,
    session_update,
    tool_call_id,
    event_id,
    first_event_id,
    coalesce(occurred_at, last_value(occurred_at IGNORE NULLS) OVER same) AS occurred_at,
    received_at,
    source,
    stream_ms,
    stream_seq,
    incarnation,
    last_value(position) OVER same AS position,
    last_value(CASE WHEN NOT is_live THEN occurred_at END) OVER same AS logged_at,
    json_ok,
    text,
    characters,
    payload,
    redacted,
    tie
FROM
    counted
WINDOW
    same AS (
        PARTITION BY project_id, task_id, run_id, method, session_update, tool_call_id, identity, occurrence
        ORDER BY is_live DESC, source ASC
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
QUALIFY
    row_number() OVER same = 1
