-- Events of the batch that need a closer look: their id stands in it more than once, or is stored already, or is no number.
CREATE OR REPLACE TEMP TABLE doubtful AS
WITH ids AS (
    SELECT
        project_id,
        run_id,
        source,
        stream_id
    FROM
        staged
    WHERE
        line_kind = 'event'
    GROUP BY
        ALL
    HAVING
        count(*) > 1
        OR any_value(stream_ms) IS NULL
    UNION
    SELECT
        project_id,
        run_id,
        source,
        stream_id
    FROM
        known_ids
)

SELECT
    staged.line
FROM
    staged
    SEMI JOIN ids
        ON staged.project_id = ids.project_id
        AND staged.run_id = ids.run_id
        AND staged.source = ids.source
        AND staged.stream_id IS NOT DISTINCT FROM ids.stream_id
WHERE
    staged.line_kind = 'event'
