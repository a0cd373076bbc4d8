SELECT
    max(created_at) AS created_at
FROM
    raw.task_versions
WHERE
    project_id = $project_id
