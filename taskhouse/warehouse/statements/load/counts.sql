SELECT
    (SELECT count(*) FROM staged) AS lines,
    (SELECT count(*) FROM staged WHERE line_kind IN ('mark', 'resume')) AS marks,
    count(*) FILTER (WHERE stream_ms IS NOT NULL) AS numbered,
    count(*) FILTER (WHERE stream_ms IS NULL) AS unnumbered,
    min(stream_ms) AS first_ms,
    max(stream_ms) AS last_ms
FROM
    typed
