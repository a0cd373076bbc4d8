-- What may be missing where one connection to a stream ended and the next began.
--
-- Order: `around_seams` and `late_events` provide the input for taskhouse.warehouse.seams; its output is staged as
-- the temp table `suspected`, which `find_suspected` adds to `found_gaps`. `find_replaced` needs no decision.
-- DuckDB knows how many rows temp tables have, so it sorts for the ASOF joins and never compares all with all: 10,000
-- runs of 20 events and two connections take 1.5 s of processor time, 30 runs of 30,000 events 3.7 s.

-- name: around_seams
-- What is stored on both sides of each seam, and how many of the following events were waiting when the connection
-- began. The server's clock is known to the second; without it, our own is used, which may be a minute off. Seams
-- between two consecutive ids are left out, because no event can have come between them.
WITH placed AS (
    SELECT
        seam.project_id,
        seam.run_id,
        event.id AS first_id,
        event.stream_id AS first_stream_id,
        event.stream_ms AS first_ms,
        event.received_at,
        event.place,
        seam.heard_at,
        seam.is_joined,
        seam.has_states,
        coalesce(seam.connected_at, event.received_at) AS connected_at,
        epoch_ms(coalesce(seam.connected_at - INTERVAL 1 SECOND, event.received_at - INTERVAL 1 MINUTE)) AS low_ms,
        epoch_ms(coalesce(seam.connected_at + INTERVAL 3 SECOND, event.received_at + INTERVAL 1 MINUTE)) AS high_ms
    FROM
        seams AS seam
        INNER JOIN stored_events AS event
            ON seam.project_id = event.project_id
            AND seam.run_id = event.run_id
            AND seam.first_id = event.id
),

bounds AS (
    SELECT
        *,
        CAST(greatest(low_ms, 0) AS UHUGEINT) * CAST(18446744073709551616 AS UHUGEINT) AS low_id,
        CAST(greatest(high_ms, 0) AS UHUGEINT) * CAST(18446744073709551616 AS UHUGEINT) AS high_id
    FROM
        placed
),

-- ends that were read, and until when they count as the run's
ends AS (
    SELECT
        connection.project_id,
        connection.run_id,
        connection.ended_at,
        coalesce(connection.heard_at + INTERVAL 2 SECOND, connection.ended_at + INTERVAL 1 MINUTE) AS heard_until
    FROM
        ledger.stream_connections AS connection
        SEMI JOIN searched USING (project_id, run_id)
    WHERE
        connection.ending IN ('stream_end', 'bare_end')
),

-- every end of the run that was seen: an end between two attempts that were read belongs to an attempt that was not
run_ends AS (
    SELECT DISTINCT
        version.project_id,
        version.run_id,
        version.completed_at AS run_ended_at
    FROM
        raw.run_versions AS version
        SEMI JOIN searched USING (project_id, run_id)
    WHERE
        version.status IN ('completed', 'failed', 'cancelled')
),

agent AS (
    SELECT
        *
    FROM
        stored_events
    WHERE
        NOT is_state
),

begun AS (
    SELECT
        stored_events.project_id,
        stored_events.run_id,
        min(stored_events.id) AS id
    FROM
        stored_events
        LEFT JOIN states USING (project_id, run_id, id)
    WHERE
        states.status IS DISTINCT FROM 'queued'
    GROUP BY
        stored_events.project_id,
        stored_events.run_id
)

SELECT
    seam.project_id,
    seam.run_id,
    seam.place AS first_place,
    seam.first_stream_id,
    before.place AS after_place,
    before.stream_id AS after_stream_id,
    low.place - seam.place + 1 AS at_least,
    high.place - seam.place + 1 AS at_most,
    high.place AS last_place,
    EXISTS (
        SELECT 1 FROM numbered
        WHERE numbered.project_id = seam.project_id AND numbered.run_id = seam.run_id AND numbered.live
    ) AS is_numbered,
    coalesce(left_side.boot = right_side.boot AND left_side.number < right_side.number, FALSE) AS is_counted,
    coalesce(left_side.boot = right_side.boot AND left_side.number + 1 < right_side.number, FALSE) AS is_holed,
    seam.is_joined,
    coalesce(first_state.status = 'queued', FALSE) AS is_first_state,
    coalesce(begun.id < seam.first_id, FALSE) AS has_begun,
    (
        coalesce(last_state.status IN ('completed', 'failed', 'cancelled'), FALSE)
        OR EXISTS (
            SELECT 1 FROM ends
            WHERE
                ends.project_id = seam.project_id
                AND ends.run_id = seam.run_id
                AND ends.ended_at BETWEEN before.received_at AND seam.received_at
        )
    )
    AND NOT EXISTS (
        SELECT 1 FROM run_ends
        WHERE
            run_ends.project_id = seam.project_id
            AND run_ends.run_id = seam.run_id
            AND epoch_ms(run_ends.run_ended_at) BETWEEN before.stream_ms + 5001 AND seam.first_ms
            AND NOT EXISTS (
                SELECT 1 FROM ends
                WHERE
                    ends.project_id = seam.project_id
                    AND ends.run_id = seam.run_id
                    AND ends.ended_at <= seam.received_at
                    AND ends.heard_until >= run_ends.run_ended_at
            )
    )
    AND NOT EXISTS (
        SELECT 1 FROM ledger.stream_connections AS outgrown
        WHERE
            outgrown.project_id = seam.project_id
            AND outgrown.run_id = seam.run_id
            AND outgrown.ending = 'outgrown'
            AND outgrown.after_stream_id = before.stream_id
    ) AS has_ended,
    epoch_ms(seam.connected_at) - coalesce(epoch_ms(seam.heard_at), before.stream_ms) AS unheard_ms,
    seam.first_ms - before.stream_ms AS rested_ms,
    EXISTS (
        SELECT 1 FROM announced_trims
        WHERE
            announced_trims.project_id = seam.project_id
            AND announced_trims.run_id = seam.run_id
            AND announced_trims.first_id = seam.first_id
    ) AS is_announced,
    EXISTS (
        SELECT 1 FROM ledger.stream_connections AS gone
        WHERE
            gone.project_id = seam.project_id
            AND gone.run_id = seam.run_id
            AND gone.ending IN ('gone', 'outgrown')
            AND gone.after_stream_id = before.stream_id
    ) AS is_gone,
    coalesce(seam.has_states, FALSE) AS has_states
FROM
    bounds AS seam
    ASOF LEFT JOIN stored_events AS before
        ON seam.project_id = before.project_id
        AND seam.run_id = before.run_id
        AND seam.first_id > before.id
    ASOF LEFT JOIN stored_events AS low
        ON seam.project_id = low.project_id
        AND seam.run_id = low.run_id
        AND seam.low_id > low.id
    ASOF LEFT JOIN stored_events AS high
        ON seam.project_id = high.project_id
        AND seam.run_id = high.run_id
        AND seam.high_id > high.id
    ASOF LEFT JOIN agent AS left_side
        ON seam.project_id = left_side.project_id
        AND seam.run_id = left_side.run_id
        AND seam.first_id > left_side.id
    ASOF LEFT JOIN agent AS right_side
        ON seam.project_id = right_side.project_id
        AND seam.run_id = right_side.run_id
        AND seam.first_id <= right_side.id
    LEFT JOIN states AS first_state
        ON seam.project_id = first_state.project_id
        AND seam.run_id = first_state.run_id
        AND seam.first_id = first_state.id
    LEFT JOIN states AS last_state
        ON seam.project_id = last_state.project_id
        AND seam.run_id = last_state.run_id
        AND before.id = last_state.id
    LEFT JOIN begun
        ON seam.project_id = begun.project_id
        AND seam.run_id = begun.run_id
WHERE
    before.id IS NULL
    OR seam.first_id > before.id + 1
ORDER BY
    seam.project_id,
    seam.run_id,
    seam.place

-- name: late_events
-- Unnumbered events that came over an open connection after many later ones had been written, with how many there were,
-- and how many when the previous event came. Only the first event of each read counts, because the events of one read
-- were in the stream together. The fastest event of the connection shows how our clock differs from the server's, so a
-- delay that all of them had does not count. Events that were waiting at the connection belong to a seam, and so does
-- the first event of a connection that did not join.
WITH event AS (
    SELECT
        event.project_id,
        event.run_id,
        event.id,
        event.stream_id,
        TRY_CAST(event.stream_ms AS BIGINT) AS stream_ms,
        event.place,
        event.received_at,
        seam.first_id AS seam_id,
        event.id > seam.first_id OR coalesce(seam.is_joined, FALSE) AS is_within,
        event.stream_ms >= epoch_ms(seam.connected_at + INTERVAL 1 SECOND) AS is_live,
        epoch_ms(event.received_at) - TRY_CAST(event.stream_ms AS BIGINT) AS late_ms
    FROM
        stored_events AS event
        ASOF INNER JOIN seams AS seam
            ON event.project_id = seam.project_id
            AND event.run_id = seam.run_id
            AND event.id >= seam.first_id
        ANTI JOIN (SELECT * FROM numbered WHERE live) AS counted
            ON event.project_id = counted.project_id
            AND event.run_id = counted.run_id
    WHERE
        event.stream_ms <= epoch_ms(event.received_at + INTERVAL 24 HOUR)
),

placed AS (
    SELECT
        *,
        stream_ms
        + late_ms
        - min(late_ms) FILTER (WHERE is_live) OVER (PARTITION BY project_id, run_id, seam_id) AS came_ms
    FROM
        event
),

counted AS (
    SELECT
        placed.*,
        upto.place - placed.place + 1 AS waiting
    FROM
        placed
        ASOF LEFT JOIN stored_events AS upto
            ON placed.project_id = upto.project_id
            AND placed.run_id = upto.run_id
            AND CAST(greatest(placed.came_ms + 1, 0) AS UHUGEINT) * CAST(18446744073709551616 AS UHUGEINT) > upto.id
),

beside AS (
    SELECT
        *,
        lag(stream_id) OVER run AS after_stream_id,
        lag(id) OVER run AS after_id,
        lag(received_at) OVER run AS after_received_at,
        coalesce(lag(waiting) OVER run, 1) AS waiting_before
    FROM
        counted
    WINDOW
        run AS (PARTITION BY project_id, run_id ORDER BY id)
)

SELECT
    project_id,
    run_id,
    after_stream_id,
    stream_id AS first_stream_id,
    waiting,
    waiting_before
FROM
    beside
WHERE
    is_live
    AND is_within
    AND waiting >= $fewest_unnumbered
    AND received_at > after_received_at
    AND id > after_id + 1
ORDER BY
    project_id,
    run_id,
    place

-- name: find_suspected
-- What may be missing at the seams.
INSERT INTO found_gaps BY NAME
SELECT
    *,
    FALSE AS certain,
    FALSE AS repaired_from_log
FROM
    suspected

-- name: find_replaced
-- Where another event came with the id of the one that was read last: the stream started over and gave ids again. What
-- the previous stream contained, and what the new one contains under smaller ids, was not read.
INSERT INTO found_gaps BY NAME
SELECT DISTINCT
    project_id,
    run_id,
    after_stream_id,
    first_stream_id AS before_stream_id,
    'id_reused' AS kind,
    'another event came with the id of the last one that was read: what surrounded it is not known' AS how,
    FALSE AS certain,
    FALSE AS repaired_from_log
FROM
    ledger.stream_connections
    SEMI JOIN searched USING (project_id, run_id)
WHERE
    after_stream_id = first_stream_id
    AND NOT is_joined
