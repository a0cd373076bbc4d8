-- The last event that is held of each judged run's stream.
CREATE OR REPLACE TEMP TABLE last AS
SELECT
    event.project_id,
    event.run_id,
    arg_max(event.stream_id, (event.stream_ms, event.stream_seq)) AS stream_id,
    max(event.received_at) AS received_at,
    max(event.stream_ms) AS stream_ms,
    max(event.stream_ms * CAST(18446744073709551616 AS UHUGEINT) + event.stream_seq) AS id
FROM
    raw.run_events AS event
    SEMI JOIN judged USING (project_id, run_id)
WHERE
    event.stream_ms >= CAST($since_ms AS UBIGINT)
    AND event.stream_seq IS NOT NULL
GROUP BY
    event.project_id,
    event.run_id
