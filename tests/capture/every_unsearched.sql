-- The query `run_events/unsearched` as it read all runs.
WITH read AS (
    SELECT
        key AS run_id,
        string_agg(resource || ' ' || coalesce(position, ''), ', ' ORDER BY resource) AS position,
        min(updated_at) AS read_at,
        max(updated_at) AS last_read_at,
        max(updated_at) FILTER (WHERE resource = 'run_stream') AS stream_read_at,
        bool_or(resource = 'run_stream' AND state NOT IN ('stream_end', 'terminal_without_stream')) AS is_unread
    FROM
        ledger.cursors
    WHERE
        project_id = $project_id
        AND resource IN (
            'run_stream', 'run_log', 'run_stream_lost', 'run_stream_trimmed', 'run_log_lost', 'run_log_shown'
        )
    GROUP BY
        key
)

SELECT
    read.run_id,
    coalesce(min(run.created_at), min(read.read_at) - INTERVAL 24 HOUR) AS created_at
FROM
    read
    LEFT JOIN ledger.cursors AS searched
        ON searched.project_id = $project_id
        AND searched.resource = 'run_gaps'
        AND searched.key = read.run_id
    LEFT JOIN raw.run_versions AS run
        ON run.project_id = $project_id
        AND run.run_id = read.run_id
GROUP BY
    read.run_id
HAVING
    bool_or(searched.position IS DISTINCT FROM read.position AND read.last_read_at >= $since)
    OR (
        (bool_or(read.is_unread) OR max(read.stream_read_at) < max(run.completed_at))
        AND max(run.completed_at) BETWEEN CAST($since AS TIMESTAMPTZ) AND CAST($now AS TIMESTAMPTZ) - INTERVAL 30 MINUTE
        AND arg_max(run.status, run.valid_from) IN ('completed', 'failed', 'cancelled')
        AND max(searched.updated_at) < max(run.completed_at) + INTERVAL 30 MINUTE
    )
