-- The newest run of a project of which there are events.
SELECT
    run_id
FROM
    raw.run_versions
    SEMI JOIN (
        SELECT project_id, run_id FROM raw.run_events
        UNION ALL
        SELECT project_id, run_id FROM raw.run_log_entries
    ) AS events USING (project_id, run_id)
WHERE
    project_id = $project_id
GROUP BY
    run_id
ORDER BY
    max(created_at) DESC,
    run_id
LIMIT 1
