-- Runs whose id begins so, newest first.
SELECT
    version.project_id,
    version.run_id,
    max(version.created_at) AS created_at,
    arg_max(version.status, version.valid_from) AS status
FROM
    raw.run_versions AS version
WHERE
    starts_with(version.run_id, $run)
    AND ($project IS NULL OR version.project_id = $project)
GROUP BY
    version.project_id,
    version.run_id
ORDER BY
    version.run_id <> $run,
    created_at DESC,
    version.run_id,
    version.project_id
LIMIT
    6
