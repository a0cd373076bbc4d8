-- Attempts of runs that ended between two days, by day and (with no day) in all: as `run_daily` counts them, over any
-- number of days, so that percentiles span them.
WITH ended AS (
    SELECT
        main.day_of(ended_at) AS day,
        status,
        duration_s
    FROM
        main.run_attempts
    WHERE
        ended_at IS NOT NULL
        AND ($projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
        AND ($pattern IS NULL OR repository GLOB $pattern)
        AND ($names IS NULL OR repository IN (SELECT unnest($names::VARCHAR[])))
)

SELECT
    day,
    count(*) FILTER (WHERE status = 'completed') AS completed,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
    quantile_cont(duration_s, 0.5) AS p50_s,
    quantile_cont(duration_s, 0.9) AS p90_s
FROM
    ended
WHERE
    day BETWEEN $since AND $until
GROUP BY
    GROUPING SETS ((day), ())
ORDER BY
    day
