-- Where each repository that is there at the end of a day stood then, over each window: `readiness_as_of`, of the
-- repositories that the report is about. `last_day` is the last day, up to then, on which its project was looked at.
WITH gone AS (
    SELECT
        project_id,
        repository
    FROM (
        SELECT
            *
        FROM
            main.repository_periods
        WHERE
            first_day <= $day
        QUALIFY
            row_number() OVER (PARTITION BY project_id, repository ORDER BY first_seen_at DESC) = 1
    )
    WHERE
        gone_day <= $day
)

SELECT
    project_id,
    repository,
    window_days,
    max(day) AS last_day,
    max(day) FILTER (WHERE overall IS NOT NULL) AS known_day,
    arg_max(overall, day) AS state,
    max(state_since) AS since,
    arg_max(classification, day) AS classification
FROM
    report_trend
    ANTI JOIN gone USING (project_id, repository)
WHERE
    day <= $day
GROUP BY
    project_id,
    repository,
    window_days
HAVING
    state IS NOT NULL
ORDER BY
    project_id,
    repository,
    window_days
