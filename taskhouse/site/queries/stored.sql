-- How much is stored of each run.
SELECT
    project_id,
    run_id,
    lines,
    first_received_at,
    last_received_at
FROM
    mart.runs
