DELETE FROM ledger.cursors USING moved
WHERE
    ledger.cursors.project_id = moved.project_id
    AND ledger.cursors.resource = moved.resource
    AND ledger.cursors.key = moved.key
