SELECT
    count(*) AS tasks
FROM
    raw.task_sightings
WHERE
    project_id = $project_id
    AND absent_since IS NULL
