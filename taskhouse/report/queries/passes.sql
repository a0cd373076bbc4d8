-- The latest pass of each resource that ended.
SELECT
    project_id,
    resource,
    verdict,
    coalesce(reason, '') AS reason,
    finished_at
FROM
    ledger.passes
WHERE
    ($projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
    AND verdict <> 'running'
QUALIFY
    row_number() OVER (PARTITION BY project_id, resource ORDER BY started_at DESC) = 1
ORDER BY
    project_id,
    resource
