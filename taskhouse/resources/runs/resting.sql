-- Lists of runs with an older run at rest whose log expires soon, and that were not looked at since it has been so.
-- Lists that were refused have their own times.
WITH task AS (
    SELECT
        task_id,
        arg_max(latest_run_id, valid_from) AS latest_run_id
    FROM
        raw.task_versions
    WHERE
        project_id = $project_id
    GROUP BY
        task_id
),

run AS (
    SELECT
        task_id,
        run_id,
        greatest(
            created_at,
            updated_at,
            completed_at,
            CASE WHEN count(*) OVER (PARTITION BY run_id) > 1 THEN valid_from END
        ) AS changed_at
    FROM
        raw.run_versions
    WHERE
        project_id = $project_id
    QUALIFY
        row_number() OVER (PARTITION BY run_id ORDER BY valid_from DESC) = 1
)

SELECT
    task.task_id,
    any_value(task.latest_run_id) AS latest_run_id,
    min(run.changed_at) AS changed_at
FROM
    run
    INNER JOIN task USING (task_id)
    INNER JOIN ledger.cursors AS listed
        ON listed.project_id = $project_id
        AND listed.resource = 'runs'
        AND listed.key = run.task_id
    SEMI JOIN (
        SELECT task_id FROM raw.task_sightings WHERE project_id = $project_id AND absent_since IS NULL
    ) AS present
        ON present.task_id = run.task_id
WHERE
    run.run_id IS DISTINCT FROM task.latest_run_id
    AND run.changed_at > $expired
    AND run.changed_at <= $soon
    AND listed.state = 'listed'
    AND listed.updated_at < run.changed_at + to_seconds($rest_s)
GROUP BY
    task.task_id
ORDER BY
    changed_at,
    task.task_id
LIMIT
    $most
