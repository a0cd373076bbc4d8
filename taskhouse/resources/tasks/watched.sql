-- Tasks that are there now and may be worth a question: those whose latest run is not finished, those that changed since
-- $grace, and those whose latest run has an open pull request and that nothing has shown since $seen. A pull request of
-- which the server tells no state counts as open until its run has not moved since $rested. A task changed when the
-- server says that it or its latest run did, or when a later version was seen here; a first sight is no change.
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
        scheduled_at,
        greatest(created_at, updated_at, completed_at) AS moved_at,
        pr_url IS NOT NULL
        AND CASE pr_state
            WHEN 'open' THEN true
            WHEN 'draft' THEN true
            WHEN 'merged' THEN false
            WHEN 'closed' THEN false
            ELSE greatest(created_at, updated_at, completed_at) >= $rested
        END AS pr_open
    FROM
        raw.run_versions
    WHERE
        project_id = $project_id
    QUALIFY
        row_number() OVER (PARTITION BY run_id ORDER BY valid_from DESC) = 1
),

watched AS (
    SELECT
        sighting.task_id,
        sighting.last_seen_at,
        greatest(version.updated_at, run.moved_at, CASE WHEN version.versions > 1 THEN version.valid_from END)
            AS changed_at,
        version.title,
        version.repository,
        version.origin_product,
        version.updated_at,
        version.latest_run_id,
        version.latest_run_status,
        version.latest_run_environment,
        run.scheduled_at,
        sighting.last_seen_at <= $seen AND coalesce(run.pr_open, false) AS pr_open
    FROM
        raw.task_sightings AS sighting
        INNER JOIN version USING (task_id)
        LEFT JOIN run
            ON run.run_id = version.latest_run_id
    WHERE
        sighting.project_id = $project_id
        AND sighting.absent_since IS NULL
)

SELECT *
FROM
    watched
WHERE
    pr_open
    OR NOT list_contains($terminal, latest_run_status)
    OR changed_at >= $grace
ORDER BY
    task_id
