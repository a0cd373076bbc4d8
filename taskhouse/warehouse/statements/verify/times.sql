SELECT
    'pass ' || pass_id AS what,
    (verdict = 'running') = (finished_at IS NULL)
    AND coalesce(finished_at >= started_at, TRUE)
    AND verdict IN ('running', 'complete', 'incomplete')
    AND coalesce(proven_at <= finished_at, TRUE) AS fine
FROM
    ledger.passes
