-- Which events of a batch of the live layer are stored already, and the insertion of the others, in order: `known_ids`
-- are ids of the batch that are stored; `doubtful` are lines that need a closer look, and if there are any, `contested`
-- has their texts, `known` the stored ones, and `judged` the decision for each line.

-- name: known_ids
-- Ids of the batch that are stored already. The bounds on stream_ms keep the cost flat as the table grows, and no
-- stored text is read for it.
CREATE OR REPLACE TEMP TABLE known_ids AS
SELECT
    stored.project_id,
    stored.run_id,
    stored.source,
    stored.stream_id
FROM
    raw.run_events AS stored
    SEMI JOIN staged AS batch
        ON stored.project_id = batch.project_id
        AND stored.run_id = batch.run_id
        AND stored.source = batch.source
        AND stored.stream_ms = batch.stream_ms
        AND stored.stream_seq = batch.stream_seq
WHERE
    stored.stream_ms BETWEEN CAST($first_ms AS UBIGINT) AND CAST($last_ms AS UBIGINT)

-- name: doubtful
-- Events of the batch that need a closer look: their id stands in it more than once, or is stored already, or is no
-- number.
CREATE OR REPLACE TEMP TABLE doubtful AS
WITH ids AS (
    SELECT
        project_id,
        run_id,
        source,
        stream_id
    FROM
        staged
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
        known_ids
)

SELECT
    staged.line
FROM
    staged
    SEMI JOIN ids
        ON staged.project_id = ids.project_id
        AND staged.run_id = ids.run_id
        AND staged.source = ids.source
        AND staged.stream_id IS NOT DISTINCT FROM ids.stream_id
WHERE
    staged.line_kind = 'event'

-- name: contested
-- The doubtful events with their texts, which are read once more for it.
CREATE OR REPLACE TEMP TABLE contested AS
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
    SEMI JOIN doubtful
        ON lines.line = doubtful.line

-- name: known
-- What is stored under the ids that are in doubt, with its texts.
CREATE OR REPLACE TEMP TABLE known AS
SELECT
    stored.project_id,
    stored.run_id,
    stored.source,
    stored.stream_id,
    stored.incarnation,
    stored.payload
FROM
    raw.run_events AS stored
    SEMI JOIN contested AS batch
        ON stored.project_id = batch.project_id
        AND stored.run_id = batch.run_id
        AND stored.source = batch.source
        AND stored.stream_ms = batch.stream_ms
        AND stored.stream_seq = batch.stream_seq
WHERE
    stored.stream_ms BETWEEN (SELECT min(stream_ms) FROM contested) AND (SELECT max(stream_ms) FROM contested)

-- name: known_unnumbered
-- Stored events without a numeric id, of the runs in the batch: a frame with no id is known by its content.
INSERT INTO known BY NAME
SELECT
    stored.project_id,
    stored.run_id,
    stored.source,
    stored.stream_id,
    stored.incarnation,
    stored.payload
FROM
    raw.run_events AS stored
    SEMI JOIN contested AS batch
        ON stored.project_id = batch.project_id
        AND stored.run_id = batch.run_id
        AND stored.source = batch.source
        AND stored.stream_id IS NOT DISTINCT FROM batch.stream_id
        AND stored.payload = batch.payload
WHERE
    stored.stream_ms IS NULL

-- name: judged
-- An event is stored once. The same id with another text is a stream that was restarted: the next incarnation. A line
-- without one is a duplicate.
CREATE OR REPLACE TEMP TABLE judged AS
WITH fresh AS (
    SELECT
        *
    FROM
        contested
        ANTI JOIN known
            ON contested.project_id = known.project_id
            AND contested.run_id = known.run_id
            AND contested.source = known.source
            AND contested.stream_id IS NOT DISTINCT FROM known.stream_id
            AND contested.payload = known.payload
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
        known
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
    contested.line,
    numbered.incarnation
FROM
    contested
    LEFT JOIN numbered
        ON contested.line = numbered.line

-- name: insert
INSERT INTO raw.run_events BY NAME
SELECT
    typed.* EXCLUDE (position, first_event_id, line),
    coalesce(judged.incarnation, 0) AS incarnation
FROM
    typed
    LEFT JOIN judged
        ON typed.line = judged.line
WHERE
    judged.line IS NULL
    OR judged.incarnation IS NOT NULL

-- name: oversize
-- An event too large to keep leaves a mark with its id and its size, once.
INSERT INTO ledger.quarantine BY NAME
SELECT DISTINCT ON (record_key)
    'run_events' AS resource,
    staged.project_id,
    staged.run_id || '@' || coalesce(staged.stream_id, '') AS record_key,
    'an event of ' || staged.facts || ' bytes is more than is kept' AS reason,
    $now AS first_seen_at,
    staged.segment AS brought_by
FROM
    staged
WHERE
    staged.line_kind = 'oversize'
    AND NOT EXISTS (
        SELECT 1
        FROM ledger.quarantine AS held
        WHERE
            held.resource = 'run_events'
            AND held.record_key = staged.run_id || '@' || coalesce(staged.stream_id, '')
            AND held.reason LIKE 'an event of %'
    )
RETURNING
    brought_by
