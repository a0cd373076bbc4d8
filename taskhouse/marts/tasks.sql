-- One row per task that was ever seen, as it was seen last.
WITH sighting AS (
    SELECT
        project_id,
        task_id,
        min(first_seen_at) AS first_seen_at,
        max(last_seen_at) AS last_seen_at,
        arg_max_null(absent_since, first_seen_at) AS absent_since
    FROM
        raw.task_sightings
    GROUP BY
        project_id,
        task_id
)

SELECT
    task.* EXCLUDE (observed_in, valid_from, valid_to, is_current, pass_id, payload),
    sighting.first_seen_at,
    sighting.last_seen_at,
    sighting.absent_since,
    task.payload
FROM
    main.task_history AS task
    INNER JOIN sighting USING (project_id, task_id)
WHERE
    task.is_current
