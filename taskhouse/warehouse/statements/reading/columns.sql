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
