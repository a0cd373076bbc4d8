-- An event is stored once. The same id with another text is a stream that was restarted: the next incarnation. A line
-- without one is a duplicate.
CREATE OR REPLACE TEMP TABLE judged AS
WITH fresh AS (
    SELECT
        *
    FROM
        contested
        ANTI JOIN known
            ON contested.project_id = known.project_id
            AND contested.run_id = known.run_id
            AND contested.source = known.source
            AND contested.stream_id IS NOT DISTINCT FROM known.stream_id
            AND contested.payload = known.payload
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

numbered AS (
    SELECT
        fresh.line,
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
    contested.line,
    numbered.incarnation
FROM
    contested
    LEFT JOIN numbered
        ON contested.line = numbered.line
