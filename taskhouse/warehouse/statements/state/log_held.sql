-- How far the logs of some runs are read, whether a run moved since then, and the last entries of each that are held.
WITH log AS (
    SELECT
        cursor.key AS run_id,
        cursor.state,
        TRY_CAST(cursor.position AS BIGINT) AS position,
        cursor.updated_at
    FROM
        ledger.cursors AS cursor
    WHERE
        cursor.project_id = $project_id
        AND cursor.resource = 'run_log'
        AND list_contains($run_ids, cursor.key)
),

moved AS (
    SELECT
        run_id,
        max(greatest(created_at, updated_at, completed_at)) AS moved_at
    FROM
        raw.run_versions
    WHERE
        project_id = $project_id
        AND list_contains($run_ids, run_id)
    GROUP BY
        run_id
)

SELECT
    log.run_id,
    any_value(log.state) AS state,
    any_value(log.position) AS position,
    coalesce(any_value(moved.moved_at) > any_value(log.updated_at), FALSE) AS moved,
    list(entry.payload ORDER BY entry.position) FILTER (WHERE entry.payload IS NOT NULL) AS tail
FROM
    log
    LEFT JOIN moved
        ON log.run_id = moved.run_id
    LEFT JOIN raw.run_log_entries AS entry
        ON entry.project_id = $project_id
        AND entry.run_id = log.run_id
        AND entry.position >= log.position - $near
GROUP BY
    log.run_id
