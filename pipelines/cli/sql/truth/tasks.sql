SELECT
    task_id,
    title,
    repository,
    latest_run_id,
    latest_run_status
FROM
    main.tasks
WHERE
    project_id = $project_id
    AND absent_since IS NULL
