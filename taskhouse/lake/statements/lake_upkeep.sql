-- What changes rows or files of the lake that are there. Whoever runs these holds the lease of the whole lake, and has
-- fenced it: no publication that began before can be committed after. Names in braces are from our own schema.

-- name: marks
-- The marks of all shards.
SELECT
    table_name
FROM
    duckdb_tables()
WHERE
    database_name = 'lake'
    AND schema_name = 'shards'
    AND starts_with(table_name, 'mark_')

-- name: fence
-- A publication that began before this is committed conflicts with it, and begins again.
UPDATE lake.shards.{mark}
SET
    rewrites = rewrites + 1
WHERE
    table_name = '*'

-- name: reset
-- The shard is published anew. Numbers of rows are not used again.
UPDATE lake.shards.mark_{shard}
SET
    generation = 0,
    rows = 0,
    high = 0,
    anchor = NULL,
    rewrites = rewrites + 1

-- name: drop
DELETE FROM lake.{table}
WHERE
    lake_shard = $shard

-- name: drop_publications
DELETE FROM lake.shards.published
WHERE
    shard = $shard

-- name: superseded
-- Rows that tombstones name, and what was computed for earlier rows of a run.
DELETE FROM lake.{table} AS kept USING lake.{table}_gone AS gone
WHERE
    kept.lake_shard = gone.lake_shard
    AND kept.lake_row = gone.lake_row

-- name: superseded_derived
DELETE FROM lake.{table} AS stored
WHERE
    NOT EXISTS (
        SELECT 1
        FROM lake.mart.runs AS run
        WHERE
            run.lake_shard = stored.lake_shard
            AND run.lake_generation = stored.lake_generation
            AND run.project_id = stored.project_id
            AND run.run_id = stored.run_id
            AND run.is_stored
    )

-- name: tombstones
DELETE FROM lake.{table}_gone

-- name: publications
-- All but the newest of each shard.
DELETE FROM lake.shards.published AS one
WHERE
    EXISTS (
        SELECT 1
        FROM lake.shards.published AS newer
        WHERE
            newer.shard = one.shard
            AND newer.generation > one.generation
    )

-- name: files
-- The files of the newest snapshot and their bytes, table by table.
SELECT
    schemas.schema_name || '.' || info.table_name AS name,
    info.file_count + info.delete_file_count AS files,
    info.file_size_bytes + info.delete_file_size_bytes AS bytes
FROM
    ducklake_table_info('lake') AS info
    INNER JOIN __ducklake_metadata_lake.ducklake_schema AS schemas
        ON info.schema_id = schemas.schema_id
        AND schemas.end_snapshot IS NULL

-- name: schedule
-- These files are due for the next clean-up at once. Their numbers are above all that DuckLake gives.
INSERT INTO __ducklake_metadata_lake.ducklake_files_scheduled_for_deletion BY NAME
SELECT
    4611686018427387904 + row_number() OVER (ORDER BY path) AS data_file_id,
    path,
    FALSE AS path_is_relative,
    TIMESTAMPTZ '1970-01-01 00:00:00+00' AS schedule_start
FROM
    unnest($paths) AS left_behind (path)
