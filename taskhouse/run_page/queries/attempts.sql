-- The attempts of the run, with the place of the first event of each in its timeline.
SELECT
    run_id,
    attempt,
    status,
    began_at,
    began_by,
    started_at,
    ended_at,
    queue_s,
    duration_s,
    active_s,
    model,
    error_message
FROM
    run_attempts
WHERE
    project_id = $project
    AND run_id = $run
ORDER BY
    attempt
