-- How far the runs are read that were captured before any pass listed them.
SELECT
    key AS run_id,
    any_value(position) FILTER (WHERE resource = 'run_stream') AS stream_position,
    any_value(leg) FILTER (WHERE resource = 'run_stream') AS stream_leg,
    any_value(checksum) FILTER (WHERE resource = 'run_stream') AS stream_checksum,
    any_value(state) FILTER (WHERE resource = 'run_stream') AS stream_state,
    any_value(updated_at) FILTER (WHERE resource = 'run_stream') AS stream_read_at,
    any_value(since) FILTER (WHERE resource = 'run_stream') AS stream_since,
    any_value(position) FILTER (WHERE resource = 'run_log') AS log_position,
    any_value(state) FILTER (WHERE resource = 'run_log') AS log_state,
    any_value(updated_at) FILTER (WHERE resource = 'run_log') AS log_read_at
FROM
    ledger.cursors
WHERE
    project_id = $project_id
    AND resource IN ('run_stream', 'run_log')
    AND key NOT IN (SELECT run_id FROM raw.run_versions WHERE project_id = $project_id)
GROUP BY
    key
