-- When passes of each kind over a resource last began that came to their own judgement.
SELECT
    kind,
    verdict,
    max(started_at) AS started_at
FROM
    ledger.passes
WHERE
    project_id = $project_id
    AND resource = $resource
    AND kind IS NOT NULL
    AND verdict <> 'running'
    AND NOT interrupted
GROUP BY
    kind,
    verdict
