UPDATE ledger.passes
SET
    finished_at = $finished_at,
    interrupted = $interrupted,
    verdict = $verdict,
    reason = $reason,
    proof = $proof,
    proven_at = $proven_at
WHERE
    pass_id = $pass_id
