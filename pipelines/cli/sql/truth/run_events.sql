SELECT
    run_id,
    payload
FROM
    raw.run_events
WHERE
    project_id = $project_id
    AND hash(run_id) % $parts = $part
    AND stream_id IS NOT NULL
ORDER BY
    run_id,
    incarnation,
    stream_ms,
    stream_seq
