-- Move the cursors of streams and logs: `moved_cursors` are those that the batch moves, `keep` adds what has not
-- changed, and they replace the stored ones.

-- name: moved_cursors
-- Cursors move with the events before them: the last stream id of each run, the stored entries of its log, and what its
-- marks say. If there is no mark after the entries of a log, their process died before the end, and the log is read
-- from its beginning. A cursor is as new as what was read, if a mark says it: by our clock or, if that is later, by the
-- server's.
CREATE OR REPLACE TEMP TABLE moved_cursors AS
WITH moves AS (
    SELECT
        project_id,
        run_id AS key,
        line,
        segment,
        CASE
            WHEN line_kind = 'mark' THEN json_extract_string(facts, '$.resource')
            WHEN position IS NULL THEN 'run_stream'
            ELSE 'run_log'
        END AS resource,
        CASE
            WHEN line_kind = 'mark' THEN json_extract_string(facts, '$.position')
            WHEN position IS NULL THEN stream_id
            ELSE CAST(position + 1 AS VARCHAR)
        END AS position,
        CASE WHEN line_kind <> 'mark' AND position IS NULL THEN source END AS leg,
        CASE WHEN line_kind = 'event' AND position IS NULL AND NOT redacted THEN checksum END AS checksum,
        CASE
            WHEN line_kind = 'mark' THEN json_extract_string(facts, '$.state')
            WHEN position IS NULL THEN 'live'
            ELSE 'unproved'
        END AS state,
        greatest(
            coalesce(
                CASE line_kind WHEN 'mark' THEN TRY_CAST(json_extract_string(facts, '$.read_at') AS TIMESTAMPTZ) END,
                received_at
            ),
            CASE line_kind WHEN 'mark' THEN TRY_CAST(json_extract_string(facts, '$.as_of') AS TIMESTAMPTZ) END
        ) AS updated_at
    FROM
        batch_lines
    WHERE
        line_kind = 'mark'
        OR stream_id IS NOT NULL
        OR position IS NOT NULL
),

states AS (
    SELECT
        project_id,
        resource,
        key,
        state,
        CASE resource
            WHEN 'run_log' THEN CAST(max(TRY_CAST(position AS BIGINT)) AS VARCHAR)
            ELSE arg_max(position, line) FILTER (WHERE position IS NOT NULL)
        END AS position,
        arg_max_null(checksum, line) FILTER (WHERE position IS NOT NULL) AS checksum,
        max(line) FILTER (WHERE position IS NOT NULL) AS position_line,
        arg_max(leg, line) FILTER (WHERE leg IS NOT NULL) AS leg,
        max(line) FILTER (WHERE leg IS NOT NULL) AS leg_line,
        min(line) AS first_line,
        max(line) AS last_line,
        min(updated_at) AS first_at,
        max(updated_at) AS last_at,
        arg_max(segment, line) AS segment
    FROM
        moves
    GROUP BY
        project_id,
        resource,
        key,
        state
)

SELECT
    project_id,
    resource,
    key,
    CASE resource
        WHEN 'run_log' THEN CAST(max(TRY_CAST(position AS BIGINT)) AS VARCHAR)
        ELSE arg_max(position, position_line)
    END AS position,
    arg_max_null(checksum, position_line) FILTER (WHERE position IS NOT NULL) AS checksum,
    arg_max(leg, leg_line) AS leg,
    arg_max(state, last_line) AS state,
    max(last_at) AS updated_at,
    arg_max(segment, last_line) AS updated_by,
    count(*) = 1 AS unbroken,
    -- a state that came, went and came again within the batch has held since its last line, at the latest
    CASE
        WHEN arg_max(first_line, last_line) > coalesce(max(last_line, 2)[2], -1)
            THEN arg_max(first_at, last_line)
        ELSE arg_max(last_at, last_line)
    END AS state_since
FROM
    states
GROUP BY
    project_id,
    resource,
    key

-- name: keep
-- A mark without a position leaves the position as it is, and a state that stays the same keeps its beginning.
-- The cursor of a log never goes back: all stored entries are before it.
UPDATE moved_cursors AS moved
SET
    position = CASE
        WHEN moved.resource = 'run_log' AND TRY_CAST(moved.position AS BIGINT) < TRY_CAST(stored.position AS BIGINT)
            THEN stored.position
        ELSE coalesce(moved.position, stored.position)
    END,
    leg = coalesce(moved.leg, stored.leg),
    checksum = CASE WHEN moved.position IS NULL THEN stored.checksum ELSE moved.checksum END,
    state_since = CASE
        WHEN moved.unbroken AND stored.state IS NOT DISTINCT FROM moved.state THEN stored.state_since
        ELSE moved.state_since
    END
FROM
    ledger.cursors AS stored
WHERE
    stored.project_id = moved.project_id
    AND stored.resource = moved.resource
    AND stored.key = moved.key

-- name: delete
DELETE FROM ledger.cursors USING moved_cursors AS moved
WHERE
    ledger.cursors.project_id = moved.project_id
    AND ledger.cursors.resource = moved.resource
    AND ledger.cursors.key = moved.key

-- name: insert
INSERT INTO ledger.cursors BY NAME
SELECT
    * EXCLUDE (unbroken)
FROM
    moved_cursors
