DELETE FROM ledger.gaps USING judged
WHERE
    ledger.gaps.project_id = judged.project_id
    AND ledger.gaps.run_id = judged.run_id
