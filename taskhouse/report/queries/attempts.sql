-- Attempts of runs that ended, once for all questions of a report.
CREATE OR REPLACE TEMP TABLE report_attempts AS
SELECT
    project_id,
    task_id,
    run_id,
    attempt,
    is_last,
    status,
    began_at,
    main.day_of(began_at) AS began_day,
    ended_at,
    main.day_of(ended_at) AS ended_day,
    duration_s,
    at_start.repository AS began_in,
    repository,
    model,
    runtime_adapter,
    error_message
FROM
    main.run_attempts
WHERE
    ended_at IS NOT NULL
