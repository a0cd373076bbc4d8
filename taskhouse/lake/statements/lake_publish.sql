-- What is new in a published copy (attached as `copy`) since the last mark of its shard, into the lake.
--
-- A table that only grows is read from its last published row on, if `grown` proves that what is before did not change.
-- Any other table is compared with what the lake has of it: `known` has a hash of each row that counts, with its number
-- in the lake. Rows that the lake lacks are inserted, rows that the warehouse lacks get a tombstone. Names
-- in braces are from our own schema.

-- name: columns
SELECT
    schema_name || '.' || table_name AS name,
    column_name,
    data_type
FROM
    duckdb_columns()
WHERE
    database_name = $database
    AND NOT internal
ORDER BY
    schema_name,
    table_name,
    column_index

-- name: copied
-- Which home and which generation a copy is of, and how its schema and its days are.
SELECT
    origin.id AS home,
    origin.host,
    origin.generation,
    (SELECT max(version) FROM copy.ledger.migrations) AS version
FROM
    copy.ledger.origin

-- name: marks
SELECT
    table_name,
    generation,
    rows,
    next_row,
    high,
    anchor,
    rewrites
FROM
    lake.shards.mark_{shard}
ORDER BY
    table_name

-- name: mark
-- The row `*` changes with each tick: so of two ticks at once, only one can be committed.
UPDATE lake.shards.mark_{shard} AS mark
SET
    generation = $generation,
    rows = fresh.rows,
    next_row = fresh.next_row,
    high = fresh.high,
    anchor = fresh.anchor
FROM
    (
        SELECT
            unnest($tables) AS table_name,
            unnest($rows) AS rows,
            unnest($next_rows) AS next_row,
            unnest($highs) AS high,
            unnest($anchors::UBIGINT[]) AS anchor
    ) AS fresh
WHERE
    mark.table_name = fresh.table_name

-- name: unmarked
-- Which of these tables have no mark.
SELECT
    fresh.table_name
FROM
    (SELECT unnest($tables) AS table_name) AS fresh
    ANTI JOIN lake.shards.mark_{shard} AS held
        ON fresh.table_name = held.table_name

-- name: used
-- The number after the last one that a shard used for a row of a table; no row if it has none.
SELECT
    max(lake_row) + 1 AS next_row
FROM
    (
        SELECT
            lake_row
        FROM
            lake.{table}
        WHERE
            lake_shard = $shard
        UNION ALL
        SELECT
            lake_row
        FROM
            lake.{table}_gone
        WHERE
            lake_shard = $shard
    )
HAVING
    count(*) > 0

-- name: begin_mark
INSERT INTO lake.shards.mark_{shard} BY NAME
SELECT
    unnest($tables) AS table_name,
    CAST(0 AS BIGINT) AS generation,
    unnest($rows) AS rows,
    unnest($next_rows) AS next_row,
    CAST(0 AS BIGINT) AS high,
    CAST(NULL AS UBIGINT) AS anchor,
    CAST(0 AS BIGINT) AS rewrites

-- name: publication
INSERT INTO lake.shards.published BY NAME
SELECT
    $shard AS shard,
    $home AS home,
    $host AS host,
    $zone AS zone,
    $version AS version,
    $generation AS generation,
    $as_of AS as_of,
    $now AS published_at

-- name: owner
-- Which home a shard is of, the version of its schema, and how far it is published; no row if it is new.
SELECT
    arg_max(home, generation) AS home,
    arg_max(version, generation) AS version,
    max(generation) AS generation
FROM
    lake.shards.published
WHERE
    shard = $shard
HAVING
    count(*) > 0

-- name: grown
-- How many rows are before the end of what was published, what the last of them is, and where the table ends now.
SELECT
    count(*) FILTER (WHERE rowid < $high) AS before,
    count(*) AS rows,
    coalesce(max(rowid) + 1, 0) AS high,
    (SELECT {hash} FROM copy.{table} WHERE rowid = $high - 1) AS anchor
FROM
    copy.{table}

-- name: anchor
SELECT
    {hash}
FROM
    copy.{table}
WHERE
    rowid = $high - 1

-- name: append
INSERT INTO lake.{table} BY NAME
SELECT
    $shard AS lake_shard,
    $generation AS lake_generation,
    $next_row + copied_row - $high AS lake_row,
    * EXCLUDE (copied_row)
FROM
    ({rows}) AS copied

-- name: fresh
-- The rows of a copy after the last one that was published.
SELECT
    rowid AS copied_row,
    *
FROM
    copy.{table}
WHERE
    rowid >= $high

-- name: projects
-- The projects that a copy has anything of.
SELECT
    project_id
FROM
    copy.ledger.passes
UNION
SELECT
    project_id
FROM
    copy.raw.task_versions
UNION
SELECT
    project_id
FROM
    copy.raw.run_versions

-- name: known
CREATE OR REPLACE TEMP TABLE {known} AS
SELECT
    {hash} AS hash,
    kept.lake_row AS row
FROM
    lake.{table} AS kept
    ANTI JOIN lake.{table}_gone AS gone
        ON kept.lake_shard = gone.lake_shard
        AND kept.lake_row = gone.lake_row
WHERE
    kept.lake_shard = $shard

-- name: difference
-- By how many rows of each hash the warehouse has more than the lake.
CREATE OR REPLACE TEMP TABLE difference AS
WITH current AS (
    SELECT
        hash,
        count(*) AS rows
    FROM
        (SELECT {hash} AS hash FROM ({rows}) AS warehouse)
    GROUP BY
        hash
),

published AS (
    SELECT
        hash,
        count(*) AS rows
    FROM
        temp.{known}
    GROUP BY
        hash
)

SELECT
    hash,
    coalesce(current.rows, 0) - coalesce(published.rows, 0) AS more
FROM
    current
    FULL JOIN published USING (hash)
WHERE
    coalesce(current.rows, 0) <> coalesce(published.rows, 0)

-- name: differs
SELECT
    coalesce(CAST(sum(more) FILTER (WHERE more > 0) AS BIGINT), 0) AS more,
    coalesce(CAST(-sum(more) FILTER (WHERE more < 0) AS BIGINT), 0) AS less
FROM
    difference

-- name: added
CREATE OR REPLACE TEMP TABLE added AS
SELECT
    $shard AS lake_shard,
    $generation AS lake_generation,
    $next_row + row_number() OVER () - 1 AS lake_row,
    warehouse.*
FROM
    (
        SELECT
            {hash} AS lake_hash,
            *
        FROM
            ({rows}) AS warehouse
    ) AS warehouse
    INNER JOIN difference
        ON warehouse.lake_hash = difference.hash
        AND difference.more > 0
QUALIFY
    row_number() OVER (PARTITION BY warehouse.lake_hash) <= difference.more

-- name: insert
INSERT INTO lake.{table} BY NAME
SELECT
    * EXCLUDE (lake_hash)
FROM
    temp.added

-- name: remember
INSERT INTO temp.{known} BY NAME
SELECT
    lake_hash AS hash,
    lake_row AS row
FROM
    temp.added

-- name: vanished
CREATE OR REPLACE TEMP TABLE vanished AS
SELECT
    known.row
FROM
    temp.{known} AS known
    INNER JOIN difference
        ON known.hash = difference.hash
        AND difference.more < 0
QUALIFY
    row_number() OVER (PARTITION BY known.hash ORDER BY known.row DESC) <= -difference.more

-- name: bury
INSERT INTO lake.{table}_gone BY NAME
SELECT
    $shard AS lake_shard,
    $generation AS lake_generation,
    row AS lake_row
FROM
    temp.vanished

-- name: forget
DELETE FROM temp.{known} AS known USING vanished
WHERE
    known.row = vanished.row

-- name: held
SELECT
    count(*) AS rows
FROM
    temp.{known}

-- name: derived_before
-- Take out what was published before, from the same commit, of the runs whose row in `mart.runs` comes in this tick.
DELETE FROM lake.{table} AS stored
USING temp.added AS run
WHERE
    stored.lake_shard = $shard
    AND stored.lake_generation = $generation
    AND stored.project_id = run.project_id
    AND stored.run_id = run.run_id

-- name: derived
-- What is computed from the events of the runs whose row in `mart.runs` is published in this tick.
INSERT INTO lake.{table} BY NAME
SELECT
    $shard AS lake_shard,
    $generation AS lake_generation,
    stored.*
FROM
    copy.{table} AS stored
    SEMI JOIN (SELECT * FROM temp.added WHERE is_stored) AS run
        ON stored.project_id = run.project_id
        AND stored.run_id = run.run_id
