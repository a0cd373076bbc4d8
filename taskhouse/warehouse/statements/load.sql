-- Load a batch: whole segments of one layer, in one transaction. The queries of the `load` files run in the order in
-- which they stand there. These come first and last:
--
-- 1. `lines` are the entries of the segments (a view). `typed_events` are the events among them, with their columns (a
--    view), and `batch_lines` has every line without its text; `lengths` counts them.
-- 2. `decisions` is made empty; `load_live` or `load_log` fill it, and insert the events.
-- 3. Bytes and oddities go to quarantine, connections to ledger.stream_connections; `load_cursors` moves the cursors.
-- 4. `counts` says what happened to the lines of each segment, and `enter_segment` records it in ledger.segments.
--
-- `known` comes before all of them. The last two are for lines that DuckDB refuses and for damaged files.

-- name: known
-- Segments that are already loaded: their process died before it deleted the files.
SELECT
    segment
FROM
    ledger.segments
WHERE
    list_contains($names, segment)

-- name: lines
-- The entries of the batch, straight from the segments: `spooled` has their lines (`arrow.py`). A stream id counts as
-- numbered if it is <ms>-<seq>.
CREATE OR REPLACE TEMP VIEW lines AS
WITH entries AS (
    SELECT
        * EXCLUDE (n, i, o, x, h, d),
        unnest(n) AS n,
        unnest(i) AS i,
        unnest(o) AS o,
        unnest(x) AS x,
        unnest(h) AS h,
        unnest(d) AS d
    FROM
        spooled
),

numbered AS (
    SELECT
        *,
        nullif(strpos(i, '-'), 0) AS dash,
        TRY_CAST(left(i, dash - 1) AS UBIGINT) AS ms,
        TRY_CAST(substr(i, dash + 1) AS UBIGINT) AS seq
    FROM
        entries
    WHERE
        n >= 0
)

SELECT
    segment,
    n AS line,
    k AS line_kind,
    p AS project_id,
    t AS task_id,
    r AS run_id,
    l AS source,
    i AS stream_id,
    CASE WHEN seq IS NOT NULL THEN ms END AS stream_ms,
    CASE WHEN ms IS NOT NULL THEN seq END AS stream_seq,
    nullif(o, -1) AS position,
    make_timestamptz(a) AS received_at,
    x <> 0 AS redacted,
    nullif(h, -1) AS checksum,
    d AS payload
FROM
    numbered

-- name: fields
-- The parts of an event's text that become columns; NULL if DuckDB cannot read the text as JSON.
CREATE OR REPLACE TEMP MACRO fields(document) AS
    TRY(
        json_extract_string(
            document,
            [
                '$.type',
                '$.timestamp',
                '$.event_id',
                '$.first_event_id',
                '$.notification.method',
                '$.notification.params.update.sessionUpdate',
                '$.notification.params.update.toolCallId',
                '$.notification.params.toolCallId',
                '$.toolCall.toolCallId',
                '$.event.type',
                '$.updated_at'
            ]
        )
    )

-- name: typed_events
-- Typed columns from the text of each event, which never fails. DuckDB refuses JSON with a lone surrogate, which real
-- agents emit, so every surrogate escape of such a text is replaced by U+FFFD.
CREATE OR REPLACE TEMP VIEW typed_events AS
WITH fields_of_lines AS (
    SELECT
        *,
        fields(payload) AS own,
        own IS NOT NULL AS json_ok,
        coalesce(own, fields(regexp_replace(payload, '\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '\\ufffd', 'g'))) AS field
    FROM
        lines
    WHERE
        line_kind = 'event'
),

times AS (
    SELECT
        *,
        coalesce(
            TRY_CAST(field[2] AS TIMESTAMPTZ),
            TRY_CAST(field[11] AS TIMESTAMPTZ),
            CASE WHEN stream_ms < 10000000000000 THEN make_timestamptz(CAST(stream_ms * 1000 AS BIGINT)) END
        ) AS stated_at
    FROM
        fields_of_lines
)

SELECT
    project_id,
    task_id,
    run_id,
    source,
    stream_id,
    stream_ms,
    stream_seq,
    position,
    field[3] AS event_id,
    field[4] AS first_event_id,
    field[1] AS kind,
    regexp_replace(field[5], '^__posthog/', '_posthog/') AS method,
    coalesce(field[6], field[10]) AS session_update,
    coalesce(field[7], field[8], field[9]) AS tool_call_id,
    CASE WHEN stated_at BETWEEN '2000-01-01 00:00:00+00' AND '2200-01-01 00:00:00+00' THEN stated_at END AS occurred_at,
    received_at,
    payload,
    json_ok,
    redacted,
    line,
    segment
FROM
    times

-- name: batch_lines
-- What decides about the batch: every line without its text, except for the few lines that are not events.
CREATE OR REPLACE TEMP TABLE batch_lines AS
SELECT
    * EXCLUDE (payload),
    CASE WHEN line_kind <> 'event' THEN payload END AS facts
FROM
    lines

-- name: decisions
-- The decisions about doubtful lines: the incarnation of the event's stream, or NULL if it is not inserted. A line that
-- is not doubtful has no row here, and is inserted.
CREATE OR REPLACE TEMP TABLE decisions (
    line BIGINT,
    incarnation BIGINT
)

-- name: lengths
-- What the batch contains, by segment.
SELECT
    segment,
    count(*) AS lines,
    count(*) FILTER (WHERE line_kind = 'event' AND stream_ms IS NULL) AS unnumbered,
    min(stream_ms) AS first_ms,
    max(stream_ms) AS last_ms,
    min(received_at) AS first_received_at
FROM
    batch_lines
GROUP BY
    segment

-- name: keep_bytes
-- The exact bytes of events that are not UTF-8, so that their text differs from what came: in quarantine, once.
INSERT INTO ledger.quarantine BY NAME
SELECT DISTINCT ON (record_key, payload)
    $resource AS resource,
    batch.project_id,
    batch.run_id || '@' || coalesce(batch.stream_id, CAST(batch.position AS VARCHAR), '') AS record_key,
    'not_utf8' AS kind,
    'the event is not UTF-8: its text is stored with U+FFFD for each invalid byte, and its bytes in hexadecimal here'
        AS reason,
    batch.facts AS payload,
    $now AS first_seen_at,
    $now AS replayed_at,
    'kept' AS outcome,
    batch.segment AS found_in
FROM
    batch_lines AS batch
WHERE
    batch.line_kind = 'bytes'
    AND NOT EXISTS (
        SELECT 1
        FROM ledger.quarantine AS held
        WHERE
            held.resource = $resource
            AND held.record_key
            = batch.run_id || '@' || coalesce(batch.stream_id, CAST(batch.position AS VARCHAR), '')
            AND held.payload = batch.facts
    )
RETURNING
    found_in

-- name: note_not_json
-- A text that is not JSON is stored like any other; the mark beside it says where to look.
INSERT INTO ledger.quarantine BY NAME
SELECT
    resource,
    project_id,
    record_key,
    'not_json' AS kind,
    'the event is not JSON that DuckDB can read; its text is stored with json_ok = false' AS reason,
    $now AS first_seen_at,
    segment AS found_in
FROM (
    SELECT 'run_events' AS resource, project_id, run_id || '@' || coalesce(stream_id, '') AS record_key, segment
    FROM raw.run_events
    WHERE NOT json_ok AND received_at >= $since AND list_contains(getvariable('segments'), segment)
    UNION ALL
    SELECT 'run_log' AS resource, project_id, run_id || '@' || position AS record_key, segment
    FROM raw.run_log_entries
    WHERE NOT json_ok AND received_at >= $since AND list_contains(getvariable('segments'), segment)
)

-- name: insert_connections
-- How connections began and streams ended, once each. Older segments say how many events a connection brought.
INSERT INTO ledger.stream_connections BY NAME
SELECT
    batch.project_id,
    batch.run_id,
    batch.source,
    json_extract_string(batch.facts, '$.after') AS after_stream_id,
    json_extract_string(batch.facts, '$.first') AS first_stream_id,
    TRY_CAST(json_extract_string(batch.facts, '$.events') AS BIGINT) AS events,
    TRY_CAST(json_extract_string(batch.facts, '$.connected_at') AS TIMESTAMPTZ) AS connected_at,
    TRY_CAST(json_extract_string(batch.facts, '$.heard_at') AS TIMESTAMPTZ) AS heard_at,
    TRY_CAST(json_extract_string(batch.facts, '$.joined') AS BOOLEAN) AS is_joined,
    json_extract_string(batch.facts, '$.ending') AS ending,
    batch.received_at AS ended_at,
    batch.segment
FROM
    batch_lines AS batch
WHERE
    batch.line_kind = 'resume'

-- name: counts
-- What happened to the events of the batch, by segment, and the sum of the checksums of the inserted ones; unknown if
-- one of them has no checksum because an older version captured it.
SELECT
    batch.segment,
    count(*) FILTER (WHERE line_kind IN ('mark', 'resume')) AS control_lines,
    count(*) FILTER (WHERE inserts) AS inserted,
    CASE
        WHEN count(*) FILTER (WHERE inserts AND checksum IS NULL) = 0
            THEN CAST(coalesce(sum(checksum) FILTER (WHERE inserts), 0) AS BIGINT)
    END AS checksum
FROM
    (
        SELECT
            batch.*,
            line_kind = 'event' AND (decision.line IS NULL OR decision.incarnation IS NOT NULL) AS inserts
        FROM
            batch_lines AS batch
            LEFT JOIN decisions AS decision
                ON batch.line = decision.line
    ) AS batch
GROUP BY
    batch.segment

-- name: enter_segment
INSERT INTO ledger.segments BY NAME
SELECT
    $segment AS segment,
    $layer AS layer,
    $bytes AS bytes,
    $lines AS lines,
    $inserted AS inserted,
    $duplicates AS duplicates,
    $quarantined AS quarantined,
    $control_lines AS control_lines,
    $inserted AS held,
    $checksum AS checksum,
    $first_ms AS first_ms,
    $last_ms AS last_ms,
    $now AS loaded_at

-- name: take_off_segment
-- Rows of a segment that are no longer stored: another reading replaced them, or the log ends before them.
UPDATE ledger.segments
SET
    held = held - $rows,
    checksum = checksum - $checksum
WHERE
    segment = $segment

-- name: refused
-- A line of a segment that DuckDB refuses to load, with its text.
INSERT INTO ledger.quarantine BY NAME
SELECT
    $resource AS resource,
    $project_id AS project_id,
    $record_key AS record_key,
    'not_loadable' AS kind,
    $reason AS reason,
    $payload AS payload,
    $now AS first_seen_at,
    $segment AS found_in

-- name: note_damage
INSERT INTO ledger.quarantine BY NAME
SELECT
    'spool' AS resource,
    $segment AS record_key,
    'damaged' AS kind,
    $reason AS reason,
    $now AS first_seen_at,
    $segment AS found_in
