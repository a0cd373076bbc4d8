-- The latest pass of each resource that ended. A copy that an older version published has no proof.
WITH pass AS (
    SELECT * FROM ledger.passes
    UNION ALL BY NAME
    SELECT
        NULL::VARCHAR AS proof,
        NULL::TIMESTAMPTZ AS proven_at
    WHERE
        false
)

SELECT
    project_id,
    resource,
    verdict,
    coalesce(reason, '') AS reason,
    finished_at,
    proof,
    proven_at
FROM
    pass
WHERE
    ($projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
    AND verdict <> 'running'
QUALIFY
    row_number() OVER (PARTITION BY project_id, resource ORDER BY started_at DESC) = 1
ORDER BY
    project_id,
    resource
