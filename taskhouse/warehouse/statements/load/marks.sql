-- Cursors move with the events before them: the last stream id of each run, and what its marks say. A cursor is as new as the
-- server's own time of what was read, where a mark tells it.
CREATE OR REPLACE TEMP TABLE moved AS
WITH moves AS (
    SELECT
        project_id,
        run_id AS key,
        line,
        segment,
        CASE line_kind WHEN 'mark' THEN json_extract_string(facts, '$.resource') ELSE 'run_stream' END AS resource,
        CASE line_kind WHEN 'mark' THEN json_extract_string(facts, '$.position') ELSE stream_id END AS position,
        CASE line_kind WHEN 'mark' THEN NULL ELSE source END AS leg,
        CASE line_kind WHEN 'mark' THEN json_extract_string(facts, '$.state') ELSE 'live' END AS state,
        greatest(
            received_at,
            CASE line_kind WHEN 'mark' THEN TRY_CAST(json_extract_string(facts, '$.as_of') AS TIMESTAMPTZ) END
        ) AS updated_at
    FROM
        staged
    WHERE
        line_kind = 'mark'
        OR (position IS NULL AND stream_id IS NOT NULL)
)

SELECT
    project_id,
    resource,
    key,
    arg_max(position, line) FILTER (WHERE position IS NOT NULL) AS position,
    arg_max(leg, line) FILTER (WHERE leg IS NOT NULL) AS leg,
    arg_max(state, line) AS state,
    max(updated_at) AS updated_at,
    arg_max(segment, line) AS moved_by
FROM
    moves
GROUP BY
    project_id,
    resource,
    key
