-- What the task asked for, as last known: one row, empty if the task was never seen.
SELECT
    title,
    main.plain_text(json_extract_string(main.event_document(payload), '$.description')) AS description
FROM
    (VALUES (1)) AS always (one)
    LEFT JOIN tasks
        ON project_id = $project
        AND task_id = $task
