-- Rows of history by project in one table; {table} and {resource} are names of our own.
SELECT
    project_id,
    '{resource}' AS resource,
    count(*) AS row_count
FROM
    raw.{table}
GROUP BY ALL
