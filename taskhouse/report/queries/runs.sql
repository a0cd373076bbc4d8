-- Runs that ended between two days, by day and (with no day) in all. As `run_daily` counts them, but from the newest
-- version of each run, so that percentiles span days and no event is read.
WITH ended AS (
    SELECT
        main.day_of(run.completed_at) AS day,
        run.status,
        date_diff('millisecond', run.created_at, run.completed_at) / 1000 AS duration_s
    FROM
        main.run_history AS run
        LEFT JOIN main.tasks AS task USING (project_id, task_id)
    WHERE
        run.is_current
        AND run.completed_at IS NOT NULL
        AND run.status IN ('completed', 'failed', 'cancelled')
        AND ($projects IS NULL OR run.project_id IN (SELECT unnest($projects::BIGINT[])))
        AND ($pattern IS NULL OR task.repository GLOB $pattern)
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
