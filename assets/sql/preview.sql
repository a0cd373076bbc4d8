-- The newest rows of a view.
SELECT
    {columns}
FROM
    main.{view}
WHERE
    project_id = $project_id
ORDER BY
    {newest} DESC NULLS LAST
LIMIT 5
