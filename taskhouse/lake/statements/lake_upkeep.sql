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
-- The files of the lake that count now.
SELECT
    data_file
FROM
    ducklake_list_files('lake', $table, schema => $schema)

-- name: erased
-- The runs to erase: one, or all of a task.
CREATE OR REPLACE TEMP TABLE erased AS
SELECT
    $id AS id
UNION
SELECT
    run_id
FROM
    lake.raw.run_versions
WHERE
    task_id = $id
UNION
SELECT
    run_id
FROM
    lake.raw.run_events
WHERE
    task_id = $id
UNION
SELECT
    run_id
FROM
    lake.raw.run_log_entries
WHERE
    task_id = $id

-- name: erase
-- The rows of these runs, or of the task. {column} is `run_id`, `task_id`, or the `key` of a cursor.
DELETE FROM lake.{table}
WHERE
    {column} IN (SELECT id FROM temp.erased)

-- name: erase_quarantine
DELETE FROM lake.ledger.quarantine
WHERE
    EXISTS (
        SELECT 1
        FROM temp.erased
        WHERE
            contains(concat_ws(' ', record_key, reason, payload), erased.id)
    )

-- name: erase_keys
-- A pass may name a task or run as the first or last that it saw.
UPDATE lake.ledger.passes
SET
    first_key = CASE WHEN first_key NOT IN (SELECT id FROM temp.erased) THEN first_key END,
    last_key = CASE WHEN last_key NOT IN (SELECT id FROM temp.erased) THEN last_key END
WHERE
    first_key IN (SELECT id FROM temp.erased)
    OR last_key IN (SELECT id FROM temp.erased)

-- name: erase_mentions
-- Tasks show their latest run, with its output, and runs name those that they continued: such rows lose what they show.
UPDATE lake.{table}
SET
    payload = NULL,
    {column} = NULL
WHERE
    {column} IN (SELECT id FROM temp.erased)
    OR EXISTS (
        SELECT 1
        FROM temp.erased
        WHERE
            contains(payload, erased.id)
    )
