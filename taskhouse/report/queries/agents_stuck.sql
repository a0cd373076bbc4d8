-- Runs that made no progress at the end of the period, those that stand longest first; a local run that waits for its
-- desktop is not one.
SELECT
    stuck.project_id,
    stuck.task_id,
    stuck.run_id,
    coalesce(task.title, stuck.task_id) AS title,
    stuck.repository,
    stuck.status,
    stuck.stuck_since,
    stuck.stuck_s,
    stuck.stuck_reason,
    stuck.stuck_since >= main.day_start($since::DATE) AS is_new
FROM
    main.runs_stuck_as_of(main.day_start($until::DATE + 1)) AS stuck
    LEFT JOIN main.tasks AS task USING (project_id, task_id)
WHERE
    stuck.stuck_reason <> 'local'
    AND ($projects IS NULL OR stuck.project_id IN (SELECT unnest($projects::BIGINT[])))
    AND ($pattern IS NULL OR stuck.repository GLOB $pattern)
    AND ($names IS NULL OR stuck.repository IN (SELECT unnest($names::VARCHAR[])))
ORDER BY
    is_new DESC,
    stuck.stuck_since,
    stuck.run_id
