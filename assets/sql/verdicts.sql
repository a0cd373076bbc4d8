-- The last finished pass of a resource, for every project that has one.
SELECT
    project_id,
    pass_id,
    verdict,
    reason,
    proof,
    epoch($now::TIMESTAMPTZ - proven_at) AS proven_age_s,
    started_at
FROM
    ledger.passes
WHERE
    resource = $resource
    AND verdict <> 'running'
QUALIFY
    row_number() OVER (PARTITION BY project_id ORDER BY started_at DESC) = 1
