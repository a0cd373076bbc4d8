-- Where each repository that is still there stands over each window, and where it stood at the end of the compared
-- days.
WITH known AS (
    SELECT
        *
    FROM
        report_trend
        ANTI JOIN report_gone USING (project_id, repository)
    WHERE
        overall IS NOT NULL
        AND day <= $until
),

broken AS (
    SELECT
        project_id,
        repository,
        window_days,
        max(day) AS broke
    FROM
        report_trend
    WHERE
        is_break
        AND day > $base
        AND day <= $until
    GROUP BY
        ALL
),

stand AS (
    SELECT
        known.project_id,
        known.repository,
        known.window_days,
        any_value(broken.broke) AS broke,
        max(known.day) AS day,
        CASE
            WHEN any_value(broken.broke) IS NOT NULL
                THEN min(known.day) FILTER (WHERE known.day >= broken.broke)
            ELSE coalesce(max(known.day) FILTER (WHERE known.day <= $base), min(known.day))
        END AS base_day
    FROM
        known
        LEFT JOIN broken USING (project_id, repository, window_days)
    GROUP BY
        ALL
    HAVING
        max(known.day) >= $first
)

SELECT
    stand.project_id,
    stand.repository,
    stand.window_days,
    now.classification,
    now.overall AS state,
    stand.day,
    now.readiness_score AS score,
    now.days_in_state,
    base.overall AS base,
    base.readiness_score AS base_score,
    stand.base_day,
    stand.broke
FROM
    stand
    INNER JOIN known AS now USING (project_id, repository, window_days, day)
    LEFT JOIN known AS base
        ON stand.project_id = base.project_id
        AND stand.repository = base.repository
        AND stand.window_days = base.window_days
        AND stand.base_day = base.day
ORDER BY
    stand.project_id,
    stand.repository,
    stand.window_days
