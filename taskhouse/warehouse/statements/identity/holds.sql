-- Whether anything is held that a server said: a proof, a record, or what could not be read.
SELECT
    EXISTS (FROM ledger.passes WHERE verdict = 'complete')
    OR EXISTS (FROM ledger.segments)
    OR EXISTS (FROM ledger.quarantine)
    OR EXISTS (FROM raw.task_versions)
    OR EXISTS (FROM raw.task_sightings)
    OR EXISTS (FROM raw.repository_sightings)
    OR EXISTS (FROM raw.readiness_snapshots)
    OR EXISTS (FROM raw.run_versions)
    OR EXISTS (FROM raw.task_usage)
    OR EXISTS (FROM raw.run_events)
    OR EXISTS (FROM raw.run_log_entries)
