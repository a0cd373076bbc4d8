-- Title and description of some tasks, as last seen.
WITH wanted AS (
    SELECT
        unnest($projects) AS project_id,
        unnest($tasks) AS task_id
)

SELECT
    task.project_id,
    task.task_id,
    'task' AS kind,
    '' AS place,
    epoch_ms(coalesce(task.created_at, task.valid_from)) AS at,
    main.plain_text(
        concat_ws(chr(10), task.title, json_extract_string(main.event_document(task.payload), '$.description'))
    ) AS text
FROM
    main.task_history AS task
    SEMI JOIN wanted
        ON task.project_id = wanted.project_id
        AND task.task_id = wanted.task_id
WHERE
    task.is_current
