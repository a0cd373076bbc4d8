-- Runs that were read further than they were judged, of those that were read since $since: a process was killed between.
WITH read AS (
    SELECT
        key AS run_id,
        string_agg(resource || ' ' || coalesce(position, ''), ', ' ORDER BY resource) AS position,
        min(updated_at) AS read_at
    FROM
        ledger.cursors
    WHERE
        project_id = $project_id
        AND resource IN ('run_stream', 'run_log', 'run_stream_lost', 'run_log_lost')
    GROUP BY
        key
    HAVING
        max(updated_at) >= $since
)

SELECT
    read.run_id,
    coalesce(min(run.created_at), min(read.read_at) - INTERVAL 1 DAY) AS created_at
FROM
    read
    LEFT JOIN ledger.cursors AS judged
        ON judged.project_id = $project_id
        AND judged.resource = 'run_gaps'
        AND judged.key = read.run_id
    LEFT JOIN raw.run_versions AS run
        ON run.project_id = $project_id
        AND run.run_id = read.run_id
WHERE
    judged.position IS DISTINCT FROM read.position
GROUP BY
    read.run_id
