-- When the newest pass over a resource began; a pass of an earlier moment is late.
SELECT
    max(started_at)
FROM
    ledger.passes
WHERE
    project_id = $project_id
    AND resource = $resource
