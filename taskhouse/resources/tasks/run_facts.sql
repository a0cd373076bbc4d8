-- What the own rows of some runs said last, as far as a task or a summary says it too, and the digest of what such a
-- one said last. Left out are tasks whose list of runs was never read, and runs that are not held: the list brings them.
-- A version of a server that had no `task_summary` does not differ for want of one.
WITH asked AS (
    SELECT
        unnest($run_ids) AS run_id,
        unnest($task_ids) AS task_id
),

version AS (
    SELECT
        run_id,
        status,
        pr_url,
        pr_state,
        main.event_document(payload) AS document
    FROM
        raw.run_versions
    WHERE
        project_id = $project_id
        AND list_contains($run_ids, run_id)
    QUALIFY
        row_number() OVER (PARTITION BY run_id ORDER BY valid_from DESC) = 1
)

SELECT
    asked.run_id,
    version.status,
    version.pr_url,
    version.pr_state,
    json_extract_string(version.document, '$.task_summary') AS task_summary,
    json_exists(version.document, '$.task_summary') AS has_summary,
    version.pr_url IS NOT NULL AND coalesce(version.pr_state, 'open') NOT IN ('merged', 'closed') AS pr_open,
    json_extract_string(told.position, '$.digest') AS digest
FROM
    asked
    INNER JOIN ledger.cursors AS listed
        ON listed.project_id = $project_id
        AND listed.resource = 'runs'
        AND listed.key = asked.task_id
    INNER JOIN version
        ON version.run_id = asked.run_id
    LEFT JOIN ledger.cursors AS told
        ON told.project_id = $project_id
        AND told.resource = $resource
        AND told.key = asked.run_id
