SELECT
    repository
FROM
    raw.repository_sightings
WHERE
    project_id = $project_id
    AND absent_since IS NULL
ORDER BY
    repository
