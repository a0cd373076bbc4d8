-- The tables of a warehouse as they stand in the lake, attached as `lake`, of all shards. Names in braces are from our
-- own schema.

-- name: snapshot
SELECT
    id
FROM
    lake.current_snapshot()

-- name: shards
-- One row per shard: what the lake has of it.
CREATE VIEW main.lake_shards AS
SELECT
    shard,
    home,
    host,
    generation,
    as_of,
    published_at,
    zone
FROM
    lake.shards.published
QUALIFY
    row_number() OVER (PARTITION BY shard ORDER BY generation DESC, published_at DESC) = 1

-- name: zone
-- The time zone of the shards' days.
SELECT
    arg_max(zone, published_at) AS zone
FROM
    main.lake_shards

-- name: current
-- The rows of a table that no tombstone names.
CREATE VIEW {table} AS
SELECT
    kept.* EXCLUDE (lake_shard, lake_generation, lake_row)
FROM
    lake.{table} AS kept
    ANTI JOIN lake.{table}_gone AS gone
        ON kept.lake_shard = gone.lake_shard
        AND kept.lake_row = gone.lake_row

-- name: derived
-- What was computed from events and published with the row of its run that counts.
CREATE VIEW {table} AS
SELECT
    stored.* EXCLUDE (lake_shard, lake_generation)
FROM
    lake.{table} AS stored
    SEMI JOIN (
        SELECT
            run.*
        FROM
            lake.mart.runs AS run
            ANTI JOIN lake.mart.runs_gone AS gone
                ON run.lake_shard = gone.lake_shard
                AND run.lake_row = gone.lake_row
        WHERE
            run.is_stored
    ) AS run
        ON stored.lake_shard = run.lake_shard
        AND stored.lake_generation = run.lake_generation
        AND stored.project_id = run.project_id
        AND stored.run_id = run.run_id
