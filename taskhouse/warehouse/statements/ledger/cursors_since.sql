-- A state that stays the same has held since it began.
UPDATE incoming
SET
    since = stored.since
FROM
    ledger.cursors AS stored
WHERE
    stored.project_id = incoming.project_id
    AND stored.resource = incoming.resource
    AND stored.key = incoming.key
    AND stored.state IS NOT DISTINCT FROM incoming.state
