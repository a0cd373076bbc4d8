-- Rows of history by resource and project.
SELECT project_id, 'tasks' AS resource, count(*) AS row_count FROM raw.task_versions GROUP BY ALL
UNION ALL
SELECT project_id, 'repositories', count(*) FROM raw.repository_sightings GROUP BY ALL
UNION ALL
SELECT project_id, 'readiness', count(*) FROM raw.readiness_snapshots GROUP BY ALL
UNION ALL
SELECT project_id, 'runs', count(*) FROM raw.run_versions GROUP BY ALL
UNION ALL
SELECT project_id, 'task_usage', count(*) FROM raw.task_usage GROUP BY ALL
UNION ALL
SELECT project_id, 'run_events', count(*) FROM raw.run_events GROUP BY ALL
UNION ALL
SELECT project_id, 'run_log', count(*) FROM raw.run_log_entries GROUP BY ALL
