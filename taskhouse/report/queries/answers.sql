-- The answers that the states of one window rest on at the end of a day: the last with information until then,
-- unless the repository was gone since.
WITH last AS (
    SELECT
        project_id,
        repository,
        window_days,
        max(day) FILTER (WHERE overall IS NOT NULL) AS day
    FROM
        report_trend
    WHERE
        window_days = $window
        AND day <= $day
    GROUP BY
        ALL
    HAVING
        arg_max_null(overall_carried, day) IS NOT NULL
)

SELECT
    trend.project_id,
    trend.repository,
    answer.payload
FROM
    last
    INNER JOIN report_trend AS trend USING (project_id, repository, window_days, day)
    INNER JOIN main.readiness AS answer USING (project_id, repository, window_days, generated_at, observed_at)
