DELETE FROM ledger.cursors USING incoming
WHERE
    ledger.cursors.project_id = incoming.project_id
    AND ledger.cursors.resource = incoming.resource
    AND ledger.cursors.key = incoming.key
