-- Resources whose last finished pass is not complete.
SELECT
    project_id,
    resource,
    reason
FROM
    ledger.passes
WHERE
    verdict <> 'running'
QUALIFY
    row_number() OVER (PARTITION BY project_id, resource ORDER BY started_at DESC) = 1
    AND verdict <> 'complete'
ORDER BY
    project_id,
    resource
