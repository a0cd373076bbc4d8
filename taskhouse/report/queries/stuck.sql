-- Runs that make no progress, those that stand longest first; a local run that waits for its desktop is not one.
SELECT
    stuck.project_id,
    stuck.task_id,
    stuck.run_id,
    coalesce(task.title, stuck.task_id) AS title,
    stuck.repository,
    stuck.status,
    stuck.stuck_since,
    stuck.stuck_s,
    stuck.stuck_reason
FROM
    main.runs_stuck AS stuck
    LEFT JOIN main.tasks AS task USING (project_id, task_id)
WHERE
    stuck.stuck_reason <> 'local'
    AND ($projects IS NULL OR stuck.project_id IN (SELECT unnest($projects::BIGINT[])))
    AND ($pattern IS NULL OR stuck.repository GLOB $pattern)
    AND ($names IS NULL OR stuck.repository IN (SELECT unnest($names::VARCHAR[])))
ORDER BY
    stuck.stuck_since,
    stuck.run_id
