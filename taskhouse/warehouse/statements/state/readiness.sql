-- When each repository and window was last looked at.
SELECT
    repository,
    window_days,
    max(observed_at) AS observed_at
FROM
    raw.readiness_snapshots
WHERE
    project_id = $project_id
GROUP BY
    repository,
    window_days
