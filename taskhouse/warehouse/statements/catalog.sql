-- What DuckDB's catalog says of a warehouse: its tables, views and macros, and its size.

-- name: columns
-- Every table and view of ours with its columns, in their order.
SELECT
    schema_name,
    table_name,
    column_name,
    data_type
FROM
    duckdb_columns()
WHERE
    NOT internal
    AND database_name = current_database()
    AND schema_name IN ('main', 'raw', 'ledger')
ORDER BY
    schema_name,
    table_name,
    column_index

-- name: columns_of_every_schema
-- The columns of every table and view, in every schema.
SELECT
    schema_name || '.' || table_name AS name,
    list(column_name ORDER BY column_index) AS columns
FROM
    duckdb_columns()
WHERE
    NOT internal
    AND database_name = current_database()
GROUP BY
    schema_name,
    table_name
ORDER BY
    name

-- name: describe
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

-- name: view_columns
SELECT
    table_name,
    column_name,
    data_type
FROM
    duckdb_columns()
WHERE
    schema_name = 'main'
    AND NOT internal
    AND database_name = current_database()
ORDER BY
    table_name,
    column_index

-- name: view_definitions
-- The statements of the views and macros of main, by name, and of the views of waiting, by schema and name.
SELECT
    CASE schema_name WHEN 'main' THEN view_name ELSE 'waiting.' || view_name END AS name,
    sql AS definition
FROM
    duckdb_views()
WHERE
    database_name = current_database()
    AND schema_name IN ('main', 'waiting')
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

-- name: macros
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

-- name: tables
SELECT
    schema_name || '.' || table_name AS name
FROM
    duckdb_tables()
WHERE
    database_name = current_database()
    AND schema_name IN ('raw', 'ledger', 'mart')
ORDER BY
    name

-- name: size
SELECT
    block_size * total_blocks AS bytes,
    free_blocks / nullif(total_blocks, 0) AS free_share
FROM
    pragma_database_size()
WHERE
    database_name = current_database()

-- name: comments
-- What every view, table and column of ours says of itself; a view or table itself has no column name.
SELECT
    schema_name || '.' || view_name AS name,
    NULL AS column_name,
    comment
FROM
    duckdb_views()
WHERE
    NOT internal
    AND database_name = current_database()
    AND comment IS NOT NULL
UNION ALL
SELECT
    schema_name || '.' || table_name AS name,
    column_name,
    comment
FROM
    duckdb_columns()
WHERE
    NOT internal
    AND database_name = current_database()
    AND comment IS NOT NULL

-- name: macro_statements
-- What makes each macro of ours again.
SELECT
    function_name AS name,
    any_value(comment) AS comment,
    any_value(function_type) = 'table_macro' AS gives_table,
    'CREATE OR REPLACE MACRO ' || function_name || '(' || array_to_string(any_value(parameters), ', ') || ') AS '
    || CASE WHEN any_value(function_type) = 'table_macro' THEN 'TABLE ' ELSE '' END
    || any_value(macro_definition) AS statement
FROM
    duckdb_functions()
WHERE
    database_name = current_database()
    AND schema_name = 'main'
    AND NOT internal
    AND function_type LIKE '%macro'
GROUP BY
    function_name
ORDER BY
    function_name

-- name: waiting_spans
-- From when until when the events of the runs that are not stored were read.
SELECT
    first_received_at,
    last_received_at
FROM
    mart.runs
WHERE
    NOT is_stored
    AND first_received_at IS NOT NULL
    AND last_received_at IS NOT NULL

-- name: waiting_columns
-- The columns of the views of what is not stored.
SELECT
    table_name,
    column_name,
    data_type
FROM
    duckdb_columns()
WHERE
    database_name = current_database()
    AND schema_name = 'waiting'
ORDER BY
    table_name,
    column_index

-- name: stored
-- The tables of what is computed from events.
SELECT
    table_name
FROM
    duckdb_tables()
WHERE
    database_name = current_database()
    AND schema_name = 'mart'
    AND table_name <> 'runs'
