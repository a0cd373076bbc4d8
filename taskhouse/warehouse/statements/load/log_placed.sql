-- A log that was proved has every entry in its place.
UPDATE ledger.quarantine
SET
    replayed_at = $now,
    outcome = 'superseded'
FROM
    moved
WHERE
    moved.resource = 'run_log'
    AND moved.state IN ('settled', 'drained')
    AND ledger.quarantine.resource = 'run_log'
    AND ledger.quarantine.project_id = moved.project_id
    AND ledger.quarantine.record_key = moved.key
    AND ledger.quarantine.replayed_at IS NULL
