-- A version for every real change of a thing, in the order in which it was observed, never two at one moment. What was
-- observed before the version that is held is late, and refused.
INSERT INTO {table} BY NAME
WITH current AS (
    SELECT
        stored.*
    FROM
        {table} AS stored
        SEMI JOIN incoming USING (project_id, {key})
    QUALIFY
        row_number() OVER (PARTITION BY stored.project_id, stored.{key} ORDER BY stored.valid_from DESC) = 1
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
        incoming.*
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
        max(valid_from) FILTER (WHERE NOT fresh) OVER whole AS held_from,
        lag({key}) OVER observed IS NULL
        OR lag(({compared})) OVER observed IS DISTINCT FROM ({compared}) AS changed
    FROM
        line
    WINDOW
        whole AS (PARTITION BY project_id, {key}),
        observed AS (PARTITION BY project_id, {key} ORDER BY fresh, valid_from, page)
)

SELECT
    judged.* EXCLUDE (fresh, place, held_from, changed{extra}) REPLACE (
        greatest(valid_from, held_from + INTERVAL 1 MICROSECOND) + to_microseconds(place - 1) AS valid_from
    )
FROM
    judged
WHERE
    fresh
    AND changed
