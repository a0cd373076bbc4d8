-- Repositories with readiness that are no longer there at the end of the days, and the day on which each was gone.
SELECT
    period.repository,
    period.gone_day
FROM (
    SELECT
        *
    FROM
        main.repository_periods
    WHERE
        first_day <= $until
    QUALIFY
        row_number() OVER (PARTITION BY project_id, repository ORDER BY first_seen_at DESC) = 1
) AS period
SEMI JOIN report_trend USING (project_id, repository)
WHERE
    period.gone_day <= $until
ORDER BY
    period.gone_day DESC,
    period.repository
