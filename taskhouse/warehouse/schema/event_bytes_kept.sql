-- The exact bytes of an event that is kept are no trouble that is open.
UPDATE ledger.quarantine
SET
    replayed_at = first_seen_at,
    outcome = 'kept'
WHERE
    replayed_at IS NULL
    AND starts_with(reason, 'the event is not UTF-8: ')
