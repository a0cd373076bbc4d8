SELECT
    run_id,
    payload
FROM
    raw.run_log_entries
WHERE
    project_id = $project_id
    AND hash(run_id) % $parts = $part
ORDER BY
    run_id,
    position
