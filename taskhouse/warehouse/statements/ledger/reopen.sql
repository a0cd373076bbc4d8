-- A pass that was interrupted goes on.
UPDATE ledger.passes
SET
    verdict = 'running',
    reason = NULL,
    finished_at = NULL,
    interrupted = false,
    resumes = resumes + 1
WHERE
    pass_id = $pass_id
