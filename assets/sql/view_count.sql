SELECT
    count(*) AS row_count
FROM
    main.{view}
WHERE
    project_id = $project_id
    AND {where}
