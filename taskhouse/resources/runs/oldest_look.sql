-- When a list of runs was read last, the one that has waited longest, of present tasks with a run whose log is kept.
-- Lists that were refused at the last look are named in the verdict instead.
SELECT
    min(listed.updated_at) AS looked_at
FROM
    ledger.cursors AS listed
    SEMI JOIN (
        SELECT task_id FROM raw.task_sightings WHERE project_id = $project_id AND absent_since IS NULL
    ) AS present
        ON present.task_id = listed.key
    SEMI JOIN (
        SELECT
            task_id
        FROM
            raw.run_versions
        WHERE
            project_id = $project_id
            AND greatest(created_at, updated_at, completed_at) > $expired
    ) AS run
        ON run.task_id = listed.key
WHERE
    listed.project_id = $project_id
    AND listed.resource = 'runs'
    AND listed.state = 'listed'
