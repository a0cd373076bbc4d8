SELECT
    repository
FROM
    main.repositories
WHERE
    project_id = $project_id
    AND absent_since IS NULL
