-- How far both layers of the judged runs were read when they were judged.
INSERT INTO ledger.cursors BY NAME
SELECT
    read.project_id,
    'run_gaps' AS resource,
    read.key,
    string_agg(read.resource || ' ' || coalesce(read.position, ''), ', ' ORDER BY read.resource) AS position,
    'judged' AS state,
    CAST($now AS TIMESTAMPTZ) AS updated_at,
    'judge' AS moved_by
FROM
    ledger.cursors AS read
    SEMI JOIN judged
        ON read.project_id = judged.project_id
        AND read.key = judged.run_id
WHERE
    read.resource IN ('run_stream', 'run_log', 'run_stream_lost', 'run_stream_trimmed', 'run_log_lost', 'run_log_shown')
GROUP BY
    read.project_id,
    read.key
