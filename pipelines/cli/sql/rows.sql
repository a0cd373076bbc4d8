-- Rows of history of a project in one table; {table} and {resource} are names of our own. If all rows of a table are of
-- one project, DuckDB knows their number and reads none of them.
SELECT
    $project_id AS project_id,
    '{resource}' AS resource,
    count(*) AS row_count
FROM
    raw.{table}
WHERE
    project_id = $project_id
