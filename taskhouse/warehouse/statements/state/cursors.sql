SELECT
    key,
    position,
    state,
    updated_at
FROM
    ledger.cursors
WHERE
    project_id = $project_id
    AND resource = $resource
