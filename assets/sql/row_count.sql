SELECT
    count(*) AS row_count
FROM
    raw.{table}
WHERE
    project_id = $project_id
