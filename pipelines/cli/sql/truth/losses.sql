SELECT DISTINCT
    run_id
FROM
    ledger.gaps
WHERE
    project_id = $project_id
UNION
SELECT
    run_id
FROM
    main.runs
WHERE
    project_id = $project_id
    AND capture_state = 'log_only'
