UPDATE ledger.passes
SET
    finished_at = $finished_at,
    interrupted = $interrupted,
    verdict = $verdict,
    reason = $reason
WHERE
    pass_id = $pass_id
