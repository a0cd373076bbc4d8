-- Columns of one table or view, with what they say of themselves.
SELECT
    column_name AS column,
    data_type AS type,
    coalesce(comment, '') AS says
FROM
    duckdb_columns()
WHERE
    database_name = current_database()
    AND schema_name = $schema
    AND table_name = $name
ORDER BY
    column_index
