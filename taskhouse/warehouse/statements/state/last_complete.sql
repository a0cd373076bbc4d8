SELECT
    pass_id,
    viewer,
    started_at,
    finished_at
FROM
    ledger.passes
WHERE
    project_id = $project_id
    AND resource = $resource
    AND verdict = 'complete'
ORDER BY
    started_at DESC
LIMIT 1
