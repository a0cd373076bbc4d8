-- Seconds from an event to its capture, over the live events that were loaded since a moment.
SELECT
    count(*) AS events,
    quantile_cont(epoch(received_at - occurred_at), 0.5) AS lag_p50_s,
    quantile_cont(epoch(received_at - occurred_at), 0.99) AS lag_p99_s
FROM
    raw.run_events
WHERE
    project_id = $project_id
    AND segment IN (
        SELECT
            segment
        FROM
            ledger.segments
        WHERE
            loaded_at >= $since
    )
