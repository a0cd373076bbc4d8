-- The kept JSON of the newest version of some runs.
SELECT
    run_id,
    arg_max(payload, valid_from) AS payload
FROM
    raw.run_versions
WHERE
    project_id = $project_id
    AND list_contains($run_ids, run_id)
GROUP BY
    run_id
