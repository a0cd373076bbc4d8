-- Every day of the repositories that get a strip, over one window.
SELECT
    trend.project_id,
    trend.repository,
    trend.day,
    trend.overall,
    trend.is_break
FROM
    report_trend AS trend
    SEMI JOIN (SELECT unnest($projects::BIGINT[]) AS project_id, unnest($names::VARCHAR[]) AS repository) AS wanted
        USING (project_id, repository)
WHERE
    trend.window_days = $window
    AND trend.day BETWEEN $since AND $until
