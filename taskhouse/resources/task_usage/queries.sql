-- The tasks whose usage to request.

-- name: due
-- Tasks that are there now, have a run, and whose usage was never asked for, or not since a run of theirs was seen to
-- change, or not since the last one rested for $grace, or was refused. A run changed when the server says so, or when a
-- later version of it was seen here; a first sight is no change. A run that waits for its time costs nothing.
WITH run AS (
    SELECT
        task_id,
        status,
        scheduled_at,
        valid_from AS seen_at,
        greatest(created_at, updated_at, completed_at, changed_here_at) AS changed_at
    FROM
        newest('raw.run_versions', run_id)
    WHERE
        project_id = $project_id
),

task AS (
    SELECT
        task_id,
        max(seen_at) AS seen_at,
        max(changed_at) AS changed_at,
        bool_or(
            NOT list_contains($terminal, status)
            AND NOT coalesce(status = 'not_started' AND scheduled_at > $now, false)
        ) AS moves
    FROM
        run
    GROUP BY
        task_id
)

SELECT
    task.task_id,
    task.seen_at,
    task.changed_at,
    task.moves,
    asked.updated_at AS asked_at,
    asked.state,
    coalesce(asked.state_since, asked.updated_at) AS since,
    sighting.first_seen_at AS returned_at
FROM
    raw.task_sightings AS sighting
    INNER JOIN task USING (task_id)
    LEFT JOIN ledger.cursors AS asked
        ON asked.project_id = sighting.project_id
        AND asked.resource = 'task_usage'
        AND asked.key = sighting.task_id
WHERE
    sighting.project_id = $project_id
    AND sighting.absent_since IS NULL
    AND (
        task.moves
        OR asked.updated_at IS NULL
        OR asked.state IN ('not_found', 'refused')
        OR asked.updated_at < task.seen_at
        OR asked.updated_at < task.changed_at + $grace
    )
