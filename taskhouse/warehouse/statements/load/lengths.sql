-- What the batch holds, by segment.
SELECT
    segment,
    count(*) AS lines,
    count(*) FILTER (WHERE line_kind = 'event' AND stream_ms IS NULL) AS unnumbered,
    min(stream_ms) AS first_ms,
    max(stream_ms) AS last_ms,
    min(received_at) AS first_received_at
FROM
    staged
GROUP BY
    segment
