-- Rows of a project that share their key with another row.
SELECT
    count(*) AS rows,
    count(*) - count(DISTINCT ({key})) AS doubles
FROM
    raw.{table}
WHERE
    project_id = $project_id
    AND {where}
