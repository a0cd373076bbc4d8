-- An event is stored once. The same id with another text is a stream that was restarted: the next incarnation.
INSERT INTO raw.run_events BY NAME
WITH looked_at AS (
    SELECT
        typed.*
    FROM
        typed
        SEMI JOIN contested
            ON typed.project_id = contested.project_id
            AND typed.run_id = contested.run_id
            AND typed.source = contested.source
            AND typed.stream_id IS NOT DISTINCT FROM contested.stream_id
),

fresh AS (
    SELECT
        *
    FROM
        looked_at
        ANTI JOIN known
            ON looked_at.project_id = known.project_id
            AND looked_at.run_id = known.run_id
            AND looked_at.source = known.source
            AND looked_at.stream_id IS NOT DISTINCT FROM known.stream_id
            AND looked_at.payload = known.payload
    QUALIFY
        row_number() OVER (PARTITION BY project_id, run_id, source, stream_id, payload ORDER BY line) = 1
),

taken AS (
    SELECT
        project_id,
        run_id,
        source,
        stream_id,
        max(incarnation) + 1 AS next
    FROM
        known
    WHERE
        stream_id IS NOT NULL
    GROUP BY
        ALL
),

told AS (
    SELECT
        typed.*,
        0 AS incarnation
    FROM
        typed
        ANTI JOIN contested
            ON typed.project_id = contested.project_id
            AND typed.run_id = contested.run_id
            AND typed.source = contested.source
            AND typed.stream_id IS NOT DISTINCT FROM contested.stream_id
    UNION ALL
    SELECT
        fresh.*,
        CASE
            WHEN fresh.stream_id IS NULL THEN 0
            ELSE coalesce(taken.next, 0)
                + row_number() OVER (
                    PARTITION BY fresh.project_id, fresh.run_id, fresh.source, fresh.stream_id ORDER BY fresh.line
                ) - 1
        END AS incarnation
    FROM
        fresh
        LEFT JOIN taken
            ON fresh.project_id = taken.project_id
            AND fresh.run_id = taken.run_id
            AND fresh.source = taken.source
            AND fresh.stream_id = taken.stream_id
)

SELECT
    told.* EXCLUDE (position, first_event_id, line),
    $segment AS segment
FROM
    told
