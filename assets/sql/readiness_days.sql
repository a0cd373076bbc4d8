-- How many repositories were ready on each of the last thirty days with an answer, over the shortest window.
WITH answer AS (
    SELECT
        main.day_of(observed_at) AS day,
        repository,
        overall
    FROM
        raw.readiness_snapshots
    WHERE
        project_id = $project_id
        AND observed_at >= $now::TIMESTAMPTZ - INTERVAL 30 DAY
        AND evidence = 'scan'
        AND overall IS NOT NULL
        AND window_days = (SELECT min(window_days) FROM raw.readiness_snapshots WHERE project_id = $project_id)
    QUALIFY
        row_number() OVER (PARTITION BY main.day_of(observed_at), repository ORDER BY observed_at DESC) = 1
)

SELECT
    day,
    count(*) AS repositories,
    count(*) FILTER (overall = 'ready') AS ready
FROM
    answer
GROUP BY
    day
ORDER BY
    day
