-- The days over one window from the last one with information at the end of a day on: all that decides what changed
-- after it.
CREATE OR REPLACE TEMP TABLE report_recent AS
SELECT
    trend.*,
    answer.core_suggestions_state,
    answer.replay_insights_state,
    answer.error_insights_state
FROM
    report_trend AS trend
    LEFT JOIN main.readiness AS answer USING (
        project_id, repository, window_days, generated_at, observed_at
    )
    LEFT JOIN (
        SELECT
            project_id,
            repository,
            max(day) AS day
        FROM
            report_trend
        WHERE
            window_days = $window
            AND day <= $base
            AND overall IS NOT NULL
        GROUP BY
            project_id,
            repository
    ) AS last
        ON trend.project_id = last.project_id
        AND trend.repository = last.repository
WHERE
    trend.window_days = $window
    AND (trend.day > $base OR trend.day = last.day)
