-- Where the repositories of a project stand on the last day, over the shortest window.
SELECT
    repositories,
    ready,
    readiness_score AS "readiness score",
    missing
FROM
    main.readiness_daily
WHERE
    project_id = $project_id
ORDER BY
    window_days,
    day DESC
LIMIT 1
