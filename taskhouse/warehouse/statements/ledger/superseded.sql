-- A good record of the same key settles what was in quarantine before.
UPDATE ledger.quarantine AS held
SET
    replayed_at = good.seen_at,
    outcome = 'superseded'
FROM
    good
WHERE
    held.replayed_at IS NULL
    AND held.project_id = good.project_id
    AND held.resource = good.resource
    AND held.record_key = good.key
    AND held.first_seen_at <= good.seen_at
