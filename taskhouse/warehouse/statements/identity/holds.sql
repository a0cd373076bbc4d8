-- A row if anything is held that a server said: a proof, a record, or what could not be read. As subqueries it takes
-- some twenty times as long to plan.
SELECT 1 FROM ledger.passes WHERE verdict = 'complete'
UNION ALL
SELECT 1 FROM ledger.segments
UNION ALL
SELECT 1 FROM ledger.quarantine
UNION ALL
SELECT 1 FROM raw.task_versions
UNION ALL
SELECT 1 FROM raw.task_sightings
UNION ALL
SELECT 1 FROM raw.repository_sightings
UNION ALL
SELECT 1 FROM raw.readiness_snapshots
UNION ALL
SELECT 1 FROM raw.run_versions
UNION ALL
SELECT 1 FROM raw.task_usage
UNION ALL
SELECT 1 FROM raw.run_events
UNION ALL
SELECT 1 FROM raw.run_log_entries
LIMIT 1
