-- Files of the lake that cannot be read: found, and taken out of the catalogue of DuckLake. Names in braces are from
-- our own schema.

-- name: tables
-- Every table of the lake.
SELECT
    schema_name,
    table_name
FROM
    duckdb_tables()
WHERE
    database_name = 'lake'
ORDER BY
    ALL

-- name: files
-- The files of a table in the newest snapshot: each with the one that has its deleted rows, if there is one, with the
-- sizes of both and of their footers, and with the first and the last shard that it may have rows of.
SELECT
    file.data_file,
    file.data_file_size_bytes,
    file.data_file_footer_size,
    file.delete_file,
    file.delete_file_size_bytes,
    file.delete_file_footer_size,
    known.data_file_id AS file_id,
    bounds.min_value AS first_shard,
    bounds.max_value AS last_shard
FROM
    ducklake_list_files('lake', '{table}', schema => '{schema}') AS file
    INNER JOIN __ducklake_metadata_lake.ducklake_data_file AS known
        ON parse_filename(file.data_file) = parse_filename(known.path)
    LEFT JOIN __ducklake_metadata_lake.ducklake_column AS named
        ON known.table_id = named.table_id
        AND named.column_name IN ('lake_shard', 'shard')
        AND named.end_snapshot IS NULL
    LEFT JOIN __ducklake_metadata_lake.ducklake_file_column_stats AS bounds
        ON known.data_file_id = bounds.data_file_id
        AND named.column_id = bounds.column_id
ORDER BY
    file_id

-- name: read
-- Read every value of a file.
SELECT bit_xor(hash(file)) AS hash
FROM
    read_parquet($path) AS file

-- name: sizes
-- How large a file and its footer are.
SELECT
    file_size_bytes,
    footer_size
FROM
    parquet_file_metadata($path)

-- name: publish_again
-- The next tick of a shard compares all its rows with what the lake has, and inserts those that the lake lacks.
UPDATE lake.shards.{mark}
SET
    generation = 0,
    rows = -1,
    rewrites = rewrites + 1

-- name: bury_runs
-- The next tick of a shard publishes what is computed from events anew, with the rows of its runs.
INSERT INTO lake.mart.runs_gone BY NAME
SELECT
    kept.lake_shard,
    kept.lake_generation,
    kept.lake_row
FROM
    lake.mart.runs AS kept
    ANTI JOIN lake.mart.runs_gone AS gone
        ON kept.lake_shard = gone.lake_shard
        AND kept.lake_row = gone.lake_row
WHERE
    kept.lake_shard = $shard
    AND kept.is_stored

-- name: forget_deletes
DELETE FROM __ducklake_metadata_lake.ducklake_delete_file
WHERE
    data_file_id IN (SELECT unnest($files))

-- name: forget_ranges
DELETE FROM __ducklake_metadata_lake.ducklake_file_column_stats
WHERE
    data_file_id IN (SELECT unnest($files))

-- name: forget_files
DELETE FROM __ducklake_metadata_lake.ducklake_data_file
WHERE
    data_file_id IN (SELECT unnest($files))
