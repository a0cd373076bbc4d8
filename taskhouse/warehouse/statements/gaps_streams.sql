-- What is stored of the streams of the runs, and where the server announced a trim.
--
-- Order: `seams` (where connections began), `states` (the run's own states) and `extents` (the first and the last event
-- that is stored), from all three `stored_events` (the events in order, of runs where a seam may matter), from it
-- `announced_trims`, and `find_trimmed` adds to `found_gaps` what the trims say. All are temp tables, and `gaps_seams`
-- and `gaps_ends` read them.

-- name: seams
-- How connections to the streams of the runs began, each first id once. Ids are compared as one number. The beginning
-- of a connection is not known for old rows, or if the server does not report it. If another event came with the id of
-- the last one (`replaced`), the order of ids means nothing.
CREATE OR REPLACE TEMP TABLE seams AS
SELECT
    connection.project_id,
    connection.run_id,
    ids.first_ms * CAST(18446744073709551616 AS UHUGEINT) + ids.first_seq AS first_id,
    min(ids.first_ms) AS first_ms,
    min(connection.connected_at) AS connected_at,
    max(connection.heard_at) AS heard_at,
    bool_or(connection.is_joined) AS is_joined,
    bool_and(connection.source = 'django') AS has_states
FROM
    ledger.stream_connections AS connection
    SEMI JOIN searched USING (project_id, run_id),
    LATERAL (
        SELECT
            CAST(TRY_CAST(split_part(connection.first_stream_id, '-', 1) AS UBIGINT) AS UHUGEINT) AS first_ms,
            TRY_CAST(split_part(connection.first_stream_id, '-', 2) AS UBIGINT) AS first_seq
    ) AS ids
WHERE
    ids.first_ms IS NOT NULL
    AND ids.first_seq IS NOT NULL
    AND (
        connection.is_joined IS DISTINCT FROM FALSE
        OR connection.after_stream_id IS DISTINCT FROM connection.first_stream_id
    )
GROUP BY
    connection.project_id,
    connection.run_id,
    first_id

-- name: states
-- The states of the runs that came over their streams.
CREATE OR REPLACE TEMP TABLE states AS
SELECT
    event.project_id,
    event.run_id,
    event.stream_ms * CAST(18446744073709551616 AS UHUGEINT) + event.stream_seq AS id,
    any_value(json_extract_string(main.event_document(event.payload), '$.status')) AS status
FROM
    raw.run_events AS event
    SEMI JOIN searched USING (project_id, run_id)
WHERE
    event.kind = 'task_run_state'
    AND event.stream_ms >= CAST($since_ms AS UBIGINT)
    AND event.stream_seq IS NOT NULL
GROUP BY
    event.project_id,
    event.run_id,
    id

-- name: extents
-- The first and the last stored event of each run's stream, and how many are stored.
CREATE OR REPLACE TEMP TABLE extents AS
SELECT
    event.project_id,
    event.run_id,
    count(*) AS events,
    count(event.event_id) AS with_event_id,
    min(event.stream_ms * CAST(18446744073709551616 AS UHUGEINT) + event.stream_seq) AS first_id,
    max(event.stream_ms * CAST(18446744073709551616 AS UHUGEINT) + event.stream_seq) AS last_id,
    max(event.stream_ms) AS last_ms,
    arg_max(event.stream_id, (event.stream_ms, event.stream_seq)) AS last_stream_id,
    max(event.received_at) AS last_received_at
FROM
    raw.run_events AS event
    SEMI JOIN searched USING (project_id, run_id)
WHERE
    event.stream_ms >= CAST($since_ms AS UBIGINT)
    AND event.stream_seq IS NOT NULL
GROUP BY
    event.project_id,
    event.run_id

-- name: stored_events
-- The stored events of streams for which a seam may matter, in the order of their ids, whichever process received them.
-- A single connection to a stream of few events cannot meet a trim, and most runs have no more. If the only connection
-- began with the run's first state, nothing came before it; while it was open, only a stream of which nothing is
-- numbered may have been overrun unseen.
CREATE OR REPLACE TEMP TABLE stored_events AS
WITH begun AS (
    SELECT
        project_id,
        run_id,
        count(*) AS seams,
        min(first_id) AS first_id
    FROM
        seams
    GROUP BY
        project_id,
        run_id
),

wanted AS (
    SELECT
        extents.project_id,
        extents.run_id
    FROM
        extents
        INNER JOIN begun USING (project_id, run_id)
        LEFT JOIN states AS first_state
            ON extents.project_id = first_state.project_id
            AND extents.run_id = first_state.run_id
            AND extents.first_id = first_state.id
    WHERE
        begun.seams > 1
        OR (
            extents.events >= CASE WHEN extents.with_event_id > 0 THEN $fewest ELSE $fewest_unnumbered END
            AND (
                first_state.status IS DISTINCT FROM 'queued'
                OR begun.first_id > extents.first_id
                OR NOT EXISTS (
                    SELECT 1 FROM numbered
                    WHERE
                        numbered.project_id = extents.project_id
                        AND numbered.run_id = extents.run_id
                        AND numbered.live
                )
            )
        )
    UNION
    SELECT
        trimmed.project_id,
        trimmed.run_id
    FROM
        ledger.stream_connections AS trimmed
        SEMI JOIN searched USING (project_id, run_id)
    WHERE
        trimmed.ending = 'trimmed'
),

distinct_ids AS (
    SELECT
        event.project_id,
        event.run_id,
        event.stream_ms * CAST(18446744073709551616 AS UHUGEINT) + event.stream_seq AS id,
        any_value(event.stream_id) AS stream_id,
        any_value(event.stream_ms) AS stream_ms,
        max(event.received_at) AS received_at,
        any_value(event.event_id) FILTER (WHERE strlen(event.event_id) <= 256) AS event_id,
        bool_and(event.kind IS NOT DISTINCT FROM 'task_run_state') AS is_state
    FROM
        raw.run_events AS event
        SEMI JOIN wanted USING (project_id, run_id)
    WHERE
        event.stream_ms >= CAST($since_ms AS UBIGINT)
        AND event.stream_seq IS NOT NULL
    GROUP BY
        event.project_id,
        event.run_id,
        id
)

SELECT
    * EXCLUDE (event_id),
    main.event_boot(event_id) AS boot,
    main.event_number(event_id) AS number,
    row_number() OVER (PARTITION BY project_id, run_id ORDER BY id) AS place
FROM
    distinct_ids

-- name: announced_trims
-- Where the server announced a trim of the stream (API facts 5.7), with what is stored on both sides of it.
-- Announcements without a meaning are left out: the stream started over after the cursor, or another process had
-- continued from it.
CREATE OR REPLACE TEMP TABLE announced_trims AS
WITH announced AS (
    SELECT DISTINCT
        connection.project_id,
        connection.run_id,
        connection.after_stream_id,
        CAST(TRY_CAST(split_part(connection.after_stream_id, '-', 1) AS UBIGINT) AS UHUGEINT)
        * CAST(18446744073709551616 AS UHUGEINT)
        + coalesce(TRY_CAST(split_part(connection.after_stream_id, '-', 2) AS UBIGINT), 0) AS id
    FROM
        ledger.stream_connections AS connection
        SEMI JOIN searched USING (project_id, run_id)
    WHERE
        connection.ending = 'trimmed'
),

agent AS (
    SELECT
        *
    FROM
        stored_events
    WHERE
        NOT is_state
)

SELECT
    announced.project_id,
    announced.run_id,
    announced.after_stream_id,
    after.stream_id AS before_stream_id,
    after.id AS first_id,
    left_side.boot,
    left_side.number AS after_number,
    right_side.number AS before_number,
    coalesce(left_side.boot = right_side.boot AND left_side.number < right_side.number, FALSE) AS is_counted
FROM
    announced
    ASOF LEFT JOIN stored_events AS after
        ON announced.project_id = after.project_id
        AND announced.run_id = after.run_id
        AND announced.id < after.id
    ASOF LEFT JOIN agent AS left_side
        ON announced.project_id = left_side.project_id
        AND announced.run_id = left_side.run_id
        AND announced.id >= left_side.id
    ASOF LEFT JOIN agent AS right_side
        ON announced.project_id = right_side.project_id
        AND announced.run_id = right_side.run_id
        AND announced.id < right_side.id
    LEFT JOIN states AS first_state
        ON announced.project_id = first_state.project_id
        AND announced.run_id = first_state.run_id
        AND after.id = first_state.id
WHERE
    first_state.status IS DISTINCT FROM 'queued'
    AND (
        after.id IS NULL
        OR EXISTS (
            SELECT 1 FROM seams
            WHERE
                seams.project_id = announced.project_id
                AND seams.run_id = announced.run_id
                AND seams.first_id > announced.id
                AND seams.first_id <= after.id
        )
    )
QUALIFY
    row_number() OVER (PARTITION BY announced.project_id, announced.run_id, after.id ORDER BY announced.id DESC) = 1

-- name: find_trimmed
-- Announced trims. If the agent numbered the events on both sides, the numbers show what is missing: the holes are gaps
-- of their own, and without a hole nothing is missing. Otherwise something is certainly missing.
INSERT INTO found_gaps BY NAME
SELECT
    announced_trims.project_id,
    announced_trims.run_id,
    announced_trims.after_stream_id,
    announced_trims.before_stream_id,
    'trim_announced' AS kind,
    'the server announced a trim of the stream: '
    || CASE
        WHEN announced_trims.is_counted THEN 'the agent''s numbers show that nothing is missing'
        ELSE 'what it contained here was not received live'
    END AS how,
    TRUE AS certain,
    announced_trims.is_counted AS repaired_from_log
FROM
    announced_trims
WHERE
    NOT (
        announced_trims.is_counted
        AND EXISTS (
            SELECT 1 FROM holes
            WHERE
                holes.project_id = announced_trims.project_id
                AND holes.run_id = announced_trims.run_id
                AND holes.boot = announced_trims.boot
                AND holes.first > announced_trims.after_number
                AND holes.last < announced_trims.before_number
        )
    )
