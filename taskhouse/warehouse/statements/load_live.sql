-- Load a batch of events of the live layer: which of them are stored already?
--
-- `stored_ids` are ids of the batch that are stored; `doubtful_lines` must be compared. If there are any,
-- `doubtful_events` has their texts and `stored_events` the stored events with the same ids, and `decide` compares
-- them. `insert` inserts every line that `decide` did not exclude.

-- name: stored_ids
-- Ids of the batch that are stored already. The bounds on stream_ms keep the cost flat as the table grows, and no
-- stored text is read for it.
CREATE OR REPLACE TEMP TABLE stored_ids AS
SELECT
    stored.project_id,
    stored.run_id,
    stored.source,
    stored.stream_id
FROM
    raw.run_events AS stored
    SEMI JOIN batch_lines AS batch
        ON stored.project_id = batch.project_id
        AND stored.run_id = batch.run_id
        AND stored.source = batch.source
        AND stored.stream_ms = batch.stream_ms
        AND stored.stream_seq = batch.stream_seq
WHERE
    stored.stream_ms BETWEEN CAST($first_ms AS UBIGINT) AND CAST($last_ms AS UBIGINT)

-- name: doubtful_lines
-- Events of the batch that must be compared: their id is in it more than once, is stored already, or is not a number.
CREATE OR REPLACE TEMP TABLE doubtful_lines AS
WITH ids AS (
    SELECT
        project_id,
        run_id,
        source,
        stream_id
    FROM
        batch_lines AS batch
    WHERE
        line_kind = 'event'
    GROUP BY
        ALL
    HAVING
        count(*) > 1
        OR any_value(stream_ms) IS NULL
    UNION
    SELECT
        project_id,
        run_id,
        source,
        stream_id
    FROM
        stored_ids
)

SELECT
    batch.line
FROM
    batch_lines AS batch
    SEMI JOIN ids
        ON batch.project_id = ids.project_id
        AND batch.run_id = ids.run_id
        AND batch.source = ids.source
        AND batch.stream_id IS NOT DISTINCT FROM ids.stream_id
WHERE
    batch.line_kind = 'event'

-- name: doubtful_events
-- The doubtful events with their texts, which are read once more for it.
CREATE OR REPLACE TEMP TABLE doubtful_events AS
SELECT
    lines.line,
    lines.project_id,
    lines.run_id,
    lines.source,
    lines.stream_id,
    lines.stream_ms,
    lines.stream_seq,
    lines.payload
FROM
    lines
    SEMI JOIN doubtful_lines AS doubtful
        ON lines.line = doubtful.line

-- name: stored_events
-- The stored events with doubtful ids, including their texts.
CREATE OR REPLACE TEMP TABLE stored_events AS
SELECT
    stored.project_id,
    stored.run_id,
    stored.source,
    stored.stream_id,
    stored.incarnation,
    stored.payload
FROM
    raw.run_events AS stored
    SEMI JOIN doubtful_events AS batch
        ON stored.project_id = batch.project_id
        AND stored.run_id = batch.run_id
        AND stored.source = batch.source
        AND stored.stream_ms = batch.stream_ms
        AND stored.stream_seq = batch.stream_seq
WHERE
    stored.stream_ms BETWEEN
        (SELECT min(stream_ms) FROM doubtful_events)
        AND (SELECT max(stream_ms) FROM doubtful_events)

-- name: stored_unnumbered
-- Stored events without a numeric id, of the runs in the batch: a frame without an id is identified by its content.
INSERT INTO stored_events BY NAME
SELECT
    stored.project_id,
    stored.run_id,
    stored.source,
    stored.stream_id,
    stored.incarnation,
    stored.payload
FROM
    raw.run_events AS stored
    SEMI JOIN doubtful_events AS batch
        ON stored.project_id = batch.project_id
        AND stored.run_id = batch.run_id
        AND stored.source = batch.source
        AND stored.stream_id IS NOT DISTINCT FROM batch.stream_id
        AND stored.payload = batch.payload
WHERE
    stored.stream_ms IS NULL

-- name: decide
-- An event is stored once. The same id with another text is a stream that was restarted: the next incarnation. A line
-- without one is a duplicate.
INSERT INTO decisions BY NAME
WITH fresh AS (
    SELECT
        *
    FROM
        doubtful_events AS doubtful
        ANTI JOIN stored_events AS known
            ON doubtful.project_id = known.project_id
            AND doubtful.run_id = known.run_id
            AND doubtful.source = known.source
            AND doubtful.stream_id IS NOT DISTINCT FROM known.stream_id
            AND doubtful.payload = known.payload
    QUALIFY
        row_number() OVER (PARTITION BY project_id, run_id, source, stream_id, payload ORDER BY line) = 1
),

taken AS (
    SELECT
        project_id,
        run_id,
        source,
        stream_id,
        max(incarnation) + 1 AS next
    FROM
        stored_events AS known
    WHERE
        stream_id IS NOT NULL
    GROUP BY
        ALL
),

numbered AS (
    SELECT
        fresh.line,
        CASE
            WHEN fresh.stream_id IS NULL THEN 0
            ELSE coalesce(taken.next, 0)
                + row_number() OVER (
                    PARTITION BY fresh.project_id, fresh.run_id, fresh.source, fresh.stream_id ORDER BY fresh.line
                ) - 1
        END AS incarnation
    FROM
        fresh
        LEFT JOIN taken
            ON fresh.project_id = taken.project_id
            AND fresh.run_id = taken.run_id
            AND fresh.source = taken.source
            AND fresh.stream_id = taken.stream_id
)

SELECT
    doubtful.line,
    numbered.incarnation
FROM
    doubtful_events AS doubtful
    LEFT JOIN numbered
        ON doubtful.line = numbered.line

-- name: insert
INSERT INTO raw.run_events BY NAME
SELECT
    event.* EXCLUDE (position, first_event_id, line),
    coalesce(decision.incarnation, 0) AS incarnation
FROM
    typed_events AS event
    LEFT JOIN decisions AS decision
        ON event.line = decision.line
WHERE
    decision.line IS NULL
    OR decision.incarnation IS NOT NULL

-- name: note_oversize
-- An event too large to keep leaves a mark with its id and its size, once.
INSERT INTO ledger.quarantine BY NAME
SELECT DISTINCT ON (record_key)
    'run_events' AS resource,
    batch.project_id,
    batch.run_id || '@' || coalesce(batch.stream_id, '') AS record_key,
    'too_large' AS kind,
    'an event of ' || batch.facts || ' bytes is more than taskhouse keeps' AS reason,
    $now AS first_seen_at,
    batch.segment AS found_in
FROM
    batch_lines AS batch
WHERE
    batch.line_kind = 'oversize'
    AND NOT EXISTS (
        SELECT 1
        FROM ledger.quarantine AS held
        WHERE
            held.resource = 'run_events'
            AND held.record_key = batch.run_id || '@' || coalesce(batch.stream_id, '')
            AND held.kind = 'too_large'
    )
RETURNING
    found_in
