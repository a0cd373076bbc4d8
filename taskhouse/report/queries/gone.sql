-- Repositories with readiness that are no longer there at the end of the days, and the day on which each was gone.
CREATE OR REPLACE TEMP TABLE report_gone AS
SELECT
    trend.project_id,
    trend.repository,
    any_value(period.gone_day) AS gone_day
FROM
    report_trend AS trend
    INNER JOIN (
        SELECT
            *
        FROM
            main.repository_periods
        WHERE
            first_day <= $until
        QUALIFY
            row_number() OVER (PARTITION BY project_id, repository ORDER BY first_seen_at DESC) = 1
    ) AS period
        ON trend.project_id = period.project_id
        AND trend.repository = period.repository
        AND period.gone_day <= $until
GROUP BY
    trend.project_id,
    trend.repository
