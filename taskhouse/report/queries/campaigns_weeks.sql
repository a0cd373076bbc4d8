-- Repositories of a campaign at the end of some days, by their last known state over one window; 'window' is that of the
-- campaign, or the shortest.
WITH state AS (
    SELECT
        project_id,
        repository,
        window_days,
        day,
        overall_carried AS state
    FROM
        main.readiness_trend
        SEMI JOIN (SELECT unnest($ids::BIGINT[]) AS project_id, unnest($names::VARCHAR[]) AS repository) AS member
            USING (project_id, repository)
    WHERE
        overall_carried IS NOT NULL
        AND day IN (SELECT unnest($days::DATE[]))
        AND ($window IS NULL OR window_days = $window)
)

SELECT
    project_id,
    repository,
    day,
    state
FROM
    state
QUALIFY
    window_days = min(window_days) OVER ()
ORDER BY
    day,
    project_id,
    repository
