-- The newest rows of a view.
SELECT
    {columns}
FROM
    main.{view}
WHERE
    project_id = $project_id
    AND {where}
ORDER BY
    {newest} DESC NULLS LAST
LIMIT 5
