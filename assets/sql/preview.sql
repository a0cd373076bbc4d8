-- The newest rows of a view or a table.
SELECT
    {columns}
FROM
    {source}
WHERE
    project_id = $project_id
    AND {where}
ORDER BY
    {newest} DESC NULLS LAST
LIMIT 5
