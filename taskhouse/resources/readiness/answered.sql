-- When each repository and window was last looked at, as far back as $since.
SELECT
    repository,
    window_days,
    max(observed_at) AS observed_at
FROM
    raw.readiness_snapshots
WHERE
    project_id = $project_id
    AND observed_at >= $since
GROUP BY
    repository,
    window_days
