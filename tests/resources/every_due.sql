-- What `runs/due` gives, from every version of every task and run: slow, and the measure of the query in use.
WITH task AS (
    SELECT
        task_id,
        latest_run_id,
        latest_run_status
    FROM
        newest('raw.task_versions', task_id)
    WHERE
        project_id = $project_id
),

run AS (
    SELECT
        task_id,
        run_id,
        status,
        created_at,
        scheduled_at,
        greatest(created_at, updated_at, completed_at, changed_here_at) AS changed_at
    FROM
        newest('raw.run_versions', run_id)
    WHERE
        project_id = $project_id
),

older AS (
    SELECT
        run.task_id,
        list(
            struct_pack(
                run_id := run.run_id,
                status := run.status,
                changed_at := run.changed_at,
                scheduled_at := run.scheduled_at
            )
        ) AS runs
    FROM
        run
        INNER JOIN task USING (task_id)
        INNER JOIN ledger.cursors AS listed
            ON listed.project_id = $project_id
            AND listed.resource = 'runs'
            AND listed.key = run.task_id
    WHERE
        run.run_id <> task.latest_run_id
        AND (
            NOT list_contains($terminal, run.status)
            OR listed.updated_at < run.changed_at + to_seconds($grace_s)
        )
    GROUP BY
        run.task_id
)

SELECT
    task.task_id,
    task.latest_run_id,
    listed.position IS NULL AS never,
    listed.position IS DISTINCT FROM task.latest_run_id
    OR latest.status IS DISTINCT FROM task.latest_run_status AS moved,
    listed.updated_at AS listed_at,
    listed.state,
    listed.state_since AS since,
    sighting.last_seen_at AS task_seen_at,
    seen.position AS activity_seen,
    seen.position IS NOT NULL
    AND seen.position IS DISTINCT FROM covered.position AS is_active,
    older.runs AS older,
    latest.changed_at
FROM
    raw.task_sightings AS sighting
    INNER JOIN task USING (task_id)
    LEFT JOIN ledger.cursors AS listed
        ON listed.project_id = sighting.project_id
        AND listed.resource = 'runs'
        AND listed.key = sighting.task_id
    LEFT JOIN ledger.cursors AS seen
        ON seen.project_id = sighting.project_id
        AND seen.resource = 'activity_seen'
        AND seen.key = sighting.task_id
    LEFT JOIN ledger.cursors AS covered
        ON covered.project_id = sighting.project_id
        AND covered.resource = 'activity_listed'
        AND covered.key = sighting.task_id
    LEFT JOIN run AS latest
        ON latest.run_id = task.latest_run_id
    LEFT JOIN older
        ON older.task_id = sighting.task_id
WHERE
    sighting.project_id = $project_id
    AND sighting.absent_since IS NULL
    AND task.latest_run_id IS NOT NULL
    AND (
        listed.position IS DISTINCT FROM task.latest_run_id
        OR latest.status IS DISTINCT FROM task.latest_run_status
        OR older.runs IS NOT NULL
        OR listed.state IN ('not_found', 'refused', 'unread')
    )
