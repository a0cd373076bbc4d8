-- The statements of the views and macros of main, by name.
SELECT
    view_name AS name,
    sql AS definition
FROM
    duckdb_views()
WHERE
    database_name = current_database()
    AND schema_name = 'main'
    AND NOT internal
UNION ALL
SELECT
    function_name || '()' AS name,
    string_agg(concat_ws(' ', parameters, macro_definition), ';' ORDER BY macro_definition) AS definition
FROM
    duckdb_functions()
WHERE
    database_name = current_database()
    AND schema_name = 'main'
    AND NOT internal
    AND function_type LIKE '%macro'
GROUP BY
    function_name
