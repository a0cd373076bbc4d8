-- Whether the lake has what a published copy, attached as `copy`, has, row for row. Names in braces are from our own
-- schema.

-- name: compare
-- How many rows the lake lacks, how many it has too many, and how many it has. Rows are compared by a hash of all
-- columns.
WITH warehouse AS (
    SELECT
        hash,
        count(*) AS rows
    FROM
        (SELECT hash({columns}) AS hash FROM ({rows}) AS copied)
    GROUP BY
        hash
),

published AS (
    SELECT
        hash,
        count(*) AS rows
    FROM
        (SELECT hash({columns}) AS hash FROM ({kept}) AS kept)
    GROUP BY
        hash
)

SELECT
    coalesce(CAST(sum(greatest(coalesce(warehouse.rows, 0) - coalesce(published.rows, 0), 0)) AS BIGINT), 0) AS lacks,
    coalesce(CAST(sum(greatest(coalesce(published.rows, 0) - coalesce(warehouse.rows, 0), 0)) AS BIGINT), 0) AS extra,
    coalesce(CAST(sum(published.rows) AS BIGINT), 0) AS rows
FROM
    warehouse
    FULL JOIN published USING (hash)

-- name: kept
SELECT
    kept.*
FROM
    lake.{table} AS kept
    ANTI JOIN lake.{table}_gone AS gone
        ON kept.lake_shard = gone.lake_shard
        AND kept.lake_row = gone.lake_row
WHERE
    kept.lake_shard = $shard

-- name: kept_derived
SELECT
    stored.*
FROM
    lake.{table} AS stored
    SEMI JOIN ({runs}) AS run
        ON stored.lake_shard = run.lake_shard
        AND stored.lake_generation = run.lake_generation
        AND stored.project_id = run.project_id
        AND stored.run_id = run.run_id
        AND run.is_stored

-- name: copied_derived
SELECT
    stored.*
FROM
    copy.{table} AS stored
    SEMI JOIN ({runs}) AS run
        ON stored.project_id = run.project_id
        AND stored.run_id = run.run_id
        AND run.is_stored
