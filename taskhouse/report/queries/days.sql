-- Every day of the repositories that get a row of their own.
SELECT
    trend.project_id,
    trend.repository,
    trend.window_days,
    trend.day,
    trend.overall,
    trend.readiness_score,
    trend.evidence,
    trend.is_break
FROM
    report_trend AS trend
    SEMI JOIN (SELECT unnest($projects::BIGINT[]) AS project_id, unnest($names::VARCHAR[]) AS repository) AS wanted
        USING (project_id, repository)
WHERE
    trend.day BETWEEN $since AND $until
