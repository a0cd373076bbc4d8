-- Where each repository that is there at the end of a day stood then, over each window: `readiness_as_of`, of the
-- repositories that the report is about. `last_day` is the last day, up to then, on which its project was looked at.
WITH presence AS (
    SELECT
        project_id,
        repository,
        max(first_day) FILTER (WHERE first_day > gone_before) AS back_day,
        arg_max_null(gone_day, first_seen_at) AS gone_day
    FROM (
        SELECT
            *,
            lag(gone_day) OVER (PARTITION BY project_id, repository ORDER BY first_seen_at) AS gone_before
        FROM
            main.repository_periods
        WHERE
            first_day <= $day
    )
    GROUP BY
        project_id,
        repository
)

SELECT
    trend.project_id,
    trend.repository,
    trend.window_days,
    max(trend.day) AS last_day,
    max(trend.day) FILTER (WHERE trend.overall IS NOT NULL) AS known_day,
    arg_max(trend.overall, trend.day) AS state,
    max(trend.state_since) AS since,
    arg_max(trend.classification, trend.day) AS classification
FROM
    report_trend AS trend
    LEFT JOIN presence
        ON trend.project_id = presence.project_id
        AND trend.repository = presence.repository
WHERE
    trend.day <= $day
    AND trend.day >= coalesce(presence.back_day, trend.day)
    AND coalesce(presence.gone_day > $day, true)
GROUP BY
    trend.project_id,
    trend.repository,
    trend.window_days
HAVING
    state IS NOT NULL
ORDER BY
    trend.project_id,
    trend.repository,
    trend.window_days
