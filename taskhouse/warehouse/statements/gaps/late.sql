-- Events of agents without numbers that came over an open connection when a great many younger ones were written already,
-- with how many were, and how many when the event before came. Only the first event of each read counts: what one read
-- brings stood together in the stream. Our clock is held against the server's by the event of the connection that came
-- soonest, so that a delay which all of them had counts for nothing. What was waiting at the connection is judged as a seam,
-- and so is the first event of one that did not join.
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
        held AS event
        ASOF INNER JOIN seams AS seam
            ON event.project_id = seam.project_id
            AND event.run_id = seam.run_id
            AND event.id >= seam.first_id
        ANTI JOIN (SELECT * FROM numbered WHERE live) AS counted
            ON event.project_id = counted.project_id
            AND event.run_id = counted.run_id
    WHERE
        event.stream_ms <= epoch_ms(event.received_at + INTERVAL 1 DAY)
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
        ASOF LEFT JOIN held AS upto
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
