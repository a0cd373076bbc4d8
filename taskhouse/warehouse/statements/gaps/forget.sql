DELETE FROM ledger.cursors USING judged
WHERE
    ledger.cursors.project_id = judged.project_id
    AND ledger.cursors.resource = 'run_gaps'
    AND ledger.cursors.key = judged.run_id
