-- A record that names nothing which could come again under the same key is settled by a proof that rests on later
-- readings alone: every record of the list could be read since. Those that name something wait for it, or for a replay.
UPDATE ledger.quarantine
SET
    replayed_at = $at,
    outcome = 'superseded'
WHERE
    replayed_at IS NULL
    AND project_id = $project_id
    AND list_contains($resources, resource)
    AND TRY_CAST(record_key AS UUID) IS NULL
    AND first_seen_at < $proven_at
