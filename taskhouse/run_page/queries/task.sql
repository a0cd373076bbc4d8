-- What the task asked for, as last known.
SELECT
    task_id,
    title,
    repository,
    main.plain_text(json_extract_string(main.event_document(payload), '$.description')) AS description
FROM
    tasks
WHERE
    project_id = $project
    AND task_id = $task
