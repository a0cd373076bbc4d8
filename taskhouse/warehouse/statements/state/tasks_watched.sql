-- Tasks that are there now and may be worth a question: those whose latest run is not finished, and those that changed
-- since $grace. A task changed when the server says that it or its latest run did, or when a later version was seen
-- here; a first sight is no change.
WITH version AS (
    SELECT
        *,
        count(*) OVER (PARTITION BY task_id) AS versions
    FROM
        raw.task_versions
    WHERE
        project_id = $project_id
    QUALIFY
        row_number() OVER (PARTITION BY task_id ORDER BY valid_from DESC) = 1
),

run AS (
    SELECT
        run_id,
        greatest(created_at, updated_at, completed_at) AS moved_at
    FROM
        raw.run_versions
    WHERE
        project_id = $project_id
    QUALIFY
        row_number() OVER (PARTITION BY run_id ORDER BY valid_from DESC) = 1
)

SELECT
    sighting.task_id,
    sighting.last_seen_at,
    greatest(version.updated_at, run.moved_at, CASE WHEN version.versions > 1 THEN version.valid_from END) AS changed_at,
    version.title,
    version.repository,
    version.origin_product,
    version.updated_at,
    version.latest_run_id,
    version.latest_run_status,
    version.latest_run_environment
FROM
    raw.task_sightings AS sighting
    INNER JOIN version USING (task_id)
    LEFT JOIN run
        ON run.run_id = version.latest_run_id
WHERE
    sighting.project_id = $project_id
    AND sighting.absent_since IS NULL
    AND (
        NOT list_contains($terminal, version.latest_run_status)
        OR greatest(
            version.updated_at, run.moved_at, CASE WHEN version.versions > 1 THEN version.valid_from END
        ) >= $grace
    )
ORDER BY
    sighting.task_id
