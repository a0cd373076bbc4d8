-- Seconds from an event to its capture, over the live events that were loaded since a moment. A run counts from its
-- second look on: what it did before anybody watched is late by nature.
WITH recent AS (
    SELECT
        segment
    FROM
        ledger.segments
    WHERE
        loaded_at >= $since
),

event AS (
    SELECT
        run_id,
        occurred_at,
        received_at
    FROM
        raw.run_events
        SEMI JOIN recent USING (segment)
    WHERE
        project_id = $project_id
),

watched AS (
    SELECT DISTINCT
        run_id
    FROM
        raw.run_events
        SEMI JOIN event USING (run_id)
        ANTI JOIN recent USING (segment)
    WHERE
        project_id = $project_id
)

SELECT
    count(*) AS events,
    quantile_cont(epoch(received_at - occurred_at), 0.5) AS lag_p50_s,
    quantile_cont(epoch(received_at - occurred_at), 0.99) AS lag_p99_s
FROM
    event
    SEMI JOIN watched USING (run_id)
