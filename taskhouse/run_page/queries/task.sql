-- What the task asked for, as last known; no row if the task was never seen.
SELECT
    task_id,
    title,
    main.plain_text(json_extract_string(main.event_document(payload), '$.description')) AS description
FROM
    tasks
WHERE
    project_id = $project
    AND task_id = $task
