UPDATE ledger.quarantine AS held
SET
    replayed_at = settled.replayed_at,
    outcome = settled.outcome
FROM
    settled
WHERE
    held.replayed_at IS NULL
    AND held.project_id = settled.project_id
    AND held.resource = settled.resource
    AND held.reason = settled.reason
    AND held.payload = settled.payload
