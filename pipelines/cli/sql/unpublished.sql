-- How long the first sync has ended that a copy made at a moment does not hold; NULL without a copy asks of any sync.
-- `taskhouse tail` commits without a copy after it.
SELECT
    epoch($now::TIMESTAMPTZ - min(finished_at)) AS waits_s
FROM
    ledger.passes
WHERE
    resource <> 'tail'
    AND finished_at > coalesce($made_at::TIMESTAMPTZ, '-infinity'::TIMESTAMPTZ)
