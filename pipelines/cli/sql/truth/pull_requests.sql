SELECT
    runs.run_id,
    runs.pr_url,
    runs.pr_state
FROM
    main.runs
    INNER JOIN main.tasks USING (project_id, task_id)
WHERE
    project_id = $project_id
    AND runs.pr_url IS NOT NULL
    AND tasks.absent_since IS NULL
