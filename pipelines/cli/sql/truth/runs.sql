SELECT
    run_id,
    task_id,
    status
FROM
    main.runs
WHERE
    project_id = $project_id
