-- Runs that are to be read by id, since a task or a summary said something else of them: with them the runs of the same
-- task that name the same pull request, since it may be borrowed from there. Oldest first.
WITH due AS (
    SELECT
        resource,
        key,
        position,
        updated_at,
        json_extract_string(position, '$.task') AS task_id,
        json_extract_string(position, '$.pr_url') AS pr_url
    FROM
        ledger.cursors
    WHERE
        project_id = $project_id
        AND resource IN ('run_facts_task', 'run_facts_summary')
        AND state = 'due'
)

SELECT
    due.resource,
    due.key,
    due.position,
    due.task_id,
    list_distinct(list_append(list(run.run_id) FILTER (WHERE run.run_id IS NOT NULL), due.key)) AS run_ids
FROM
    due
    LEFT JOIN raw.run_versions AS run
        ON run.project_id = $project_id
        AND run.task_id = due.task_id
        AND run.pr_url = due.pr_url
GROUP BY
    due.resource,
    due.key,
    due.position,
    due.task_id,
    due.updated_at
ORDER BY
    due.updated_at,
    due.key
