SELECT
    run_id,
    payload
FROM
    raw.run_log_entries
WHERE
    project_id = $project_id
ORDER BY
    run_id,
    position
