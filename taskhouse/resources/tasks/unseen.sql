-- Tasks that are there now, as far as is known, and that nothing has shown since $before.
SELECT
    task_id
FROM
    raw.task_sightings
WHERE
    project_id = $project_id
    AND absent_since IS NULL
    AND last_seen_at < $before
ORDER BY
    task_id
