SELECT
    function_name,
    parameters
FROM
    duckdb_functions()
WHERE
    schema_name = 'main'
    AND NOT internal
    AND database_name = current_database()
    AND function_type IN ('macro', 'table_macro')
ORDER BY
    function_name
