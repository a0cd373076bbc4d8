SELECT 'task_versions' AS table_name, count(*) AS row_count FROM raw.task_versions
UNION ALL
SELECT 'task_sightings', count(*) FROM raw.task_sightings
UNION ALL
SELECT 'repository_sightings', count(*) FROM raw.repository_sightings
UNION ALL
SELECT 'readiness_snapshots', count(*) FROM raw.readiness_snapshots
UNION ALL
SELECT 'run_versions', count(*) FROM raw.run_versions
UNION ALL
SELECT 'run_events', count(*) FROM raw.run_events
UNION ALL
SELECT 'run_log_entries', count(*) FROM raw.run_log_entries
UNION ALL
SELECT 'task_usage', count(*) FROM raw.task_usage
