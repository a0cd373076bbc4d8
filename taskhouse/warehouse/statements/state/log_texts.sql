-- The held entries of a run's log.
SELECT
    payload
FROM
    raw.run_log_entries
WHERE
    project_id = $project_id
    AND run_id = $run_id
