-- The state of each repository that is there, window by window and day by day.
SELECT
    trend.project_id,
    trend.repository,
    trend.window_days,
    trend.day,
    trend.overall,
    trend.is_break
FROM
    readiness_trend AS trend
    INNER JOIN repositories AS known
        ON trend.project_id = known.project_id
        AND trend.repository = known.repository
        AND known.absent_since IS NULL
WHERE
    trend.day >= $since
ORDER BY
    trend.repository,
    trend.project_id,
    trend.window_days,
    trend.day
