-- When the pass before another one of the same resource began.
SELECT
    max(started_at) AS started_at
FROM
    ledger.passes
WHERE
    project_id = $project_id
    AND resource = $resource
    AND pass_id <> $pass_id
