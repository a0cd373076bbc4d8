-- How the rows of a page become history: versions of things (staged as `incoming`), and the periods in which something
-- was present (staged as `seen`). {table}, {key} and the like are names from our own schema.

-- name: newest
-- `FROM newest('raw.run_versions', run_id)`: the newest version of each thing in a table of versions, or in a query of
-- WITH that takes some of them. `changed_here_at` is when it was seen here that the thing had changed; NULL if there is
-- only one version, since a first sight is no change.
CREATE OR REPLACE MACRO newest(versions, thing) AS TABLE
SELECT
    *,
    CASE WHEN count(*) OVER (PARTITION BY project_id, thing) > 1 THEN valid_from END AS changed_here_at
FROM
    query_table(versions)
QUALIFY
    row_number() OVER (PARTITION BY project_id, thing ORDER BY valid_from DESC) = 1

-- name: changes
-- A version for every real change of a thing, in the order of observation, never two at one moment. An observation from
-- before the stored version is late, and refused. Only what is compared is read of what is stored, never a payload.
INSERT INTO {table} BY NAME
WITH stored AS (
    SELECT
        project_id,
        {key},
        valid_from,
        {compared}
    FROM
        {table}
        SEMI JOIN incoming USING (project_id, {key})
),

current AS (
    SELECT
        * EXCLUDE (changed_here_at)
    FROM
        newest('stored', {key})
),

line AS (
    SELECT
        false AS fresh,
        current.*
    FROM
        current
    UNION ALL BY NAME
    SELECT
        true AS fresh,
        incoming.rowid AS came,
        incoming.page,
        incoming.project_id,
        {incoming_key},
        incoming.valid_from,
        {incoming_compared}
    FROM
        incoming
        LEFT JOIN current USING (project_id, {key})
    WHERE
        current.{key} IS NULL
        OR incoming.valid_from > current.valid_from - INTERVAL 1 MILLISECOND
),

judged AS (
    SELECT
        line.*,
        row_number() OVER observed AS place,
        max(valid_from) FILTER (WHERE NOT fresh) OVER of_key AS held_from,
        lag({key}) OVER observed IS NULL
        OR lag(({compared})) OVER observed IS DISTINCT FROM ({compared}) AS changed
    FROM
        line
    WINDOW
        of_key AS (PARTITION BY project_id, {key}),
        observed AS (PARTITION BY project_id, {key} ORDER BY fresh, valid_from, page, came)
)

SELECT
    incoming.* EXCLUDE (valid_from{extra}),
    greatest(judged.valid_from, judged.held_from + INTERVAL 1 MICROSECOND) + to_microseconds(judged.place - 1)
        AS valid_from
FROM
    incoming
    INNER JOIN judged
        ON judged.came = incoming.rowid
WHERE
    judged.fresh
    AND judged.changed

-- name: sightings_seen
-- Everything seen now extends its open period. {table}, {key} and {same} are names from our own schema.
UPDATE raw.{table} AS held
SET
    last_seen_at = greatest(held.last_seen_at, seen.seen_at),
    last_pass_id = seen.pass_id
FROM
    (
        SELECT
            project_id,
            {key},
            max(seen_at) AS seen_at,
            any_value(pass_id) AS pass_id
        FROM
            seen
        GROUP BY
            project_id,
            {key}
    ) AS seen
WHERE
    {same}
    AND held.absent_since IS NULL

-- name: sightings_new
-- Something that is seen for the first time, or again after an absence, begins a new period.
INSERT INTO raw.{table} BY NAME
SELECT
    project_id,
    {key},
    greatest(min(seen.seen_at), max(ended.absent_since)) AS first_seen_at,
    greatest(max(seen.seen_at), max(ended.absent_since)) AS last_seen_at,
    any_value(seen.pass_id) AS pass_id,
    min(seen.page) AS page,
    any_value(seen.pass_id) AS last_pass_id
FROM
    seen
    ANTI JOIN (SELECT * FROM raw.{table} WHERE absent_since IS NULL) AS present USING (project_id, {key})
    LEFT JOIN raw.{table} AS ended USING (project_id, {key})
GROUP BY
    project_id,
    {key}

-- name: sightings_absent
-- The period of everything that a complete pass proved absent ends at that pass.
UPDATE raw.{table} AS held
SET
    absent_since = greatest(seen.seen_at, held.last_seen_at),
    absent_pass_id = seen.pass_id
FROM
    seen
WHERE
    {same}
    AND held.absent_since IS NULL
