-- How long ago a resource of a project was last proved complete.
SELECT
    max(finished_at) AS finished_at,
    epoch($now::TIMESTAMPTZ - max(finished_at)) AS age_s,
    epoch($now::TIMESTAMPTZ - arg_max_null(proven_at, finished_at)) AS proven_age_s
FROM
    ledger.passes
WHERE
    resource = $resource
    AND project_id = $project_id
    AND verdict = 'complete'
