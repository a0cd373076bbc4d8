-- Ids of the tasks that are there now, in the order in which the server lists them.
WITH version AS (
    SELECT
        task_id,
        arg_max(created_at, valid_from) AS created_at
    FROM
        raw.task_versions
    WHERE
        project_id = $project_id
    GROUP BY
        task_id
)

SELECT
    sighting.task_id,
    version.created_at
FROM
    raw.task_sightings AS sighting
    INNER JOIN version USING (task_id)
WHERE
    sighting.project_id = $project_id
    AND sighting.absent_since IS NULL
ORDER BY
    version.created_at DESC,
    sighting.task_id DESC
