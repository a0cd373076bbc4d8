-- How much is kept, and how much is not: what an estimate of the work ahead rests on.
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
        run_id,
        arg_max(status, valid_from) AS status,
        any_value(created_at) AS created_at
    FROM
        raw.run_versions
    WHERE
        project_id = $project_id
    GROUP BY
        run_id
),

cursor AS (
    SELECT
        resource,
        key
    FROM
        ledger.cursors
    WHERE
        project_id = $project_id
)

SELECT
    (
        SELECT count(*)
        FROM raw.task_sightings
        WHERE project_id = $project_id AND absent_since IS NULL
    ) AS known,
    (
        SELECT count(*)
        FROM raw.repository_sightings
        WHERE project_id = $project_id AND absent_since IS NULL
    ) AS repositories,
    (
        SELECT count(*)
        FROM task
        ANTI JOIN (SELECT * FROM cursor WHERE resource = 'runs') AS listed
            ON listed.key = task.task_id
        LEFT JOIN run
            ON run.run_id = task.latest_run_id
        WHERE
            task.latest_run_id IS NOT NULL
            AND coalesce(run.created_at >= $oldest, true)
    ) AS unlisted,
    (
        SELECT count(*)
        FROM task
        ANTI JOIN (SELECT * FROM cursor WHERE resource = 'task_usage') AS asked
            ON asked.key = task.task_id
        LEFT JOIN run
            ON run.run_id = task.latest_run_id
        WHERE
            task.latest_run_id IS NOT NULL
            AND coalesce(run.created_at >= $oldest, true)
    ) AS unpriced,
    (
        SELECT count(*)
        FROM run
        WHERE status NOT IN ('completed', 'failed', 'cancelled') AND created_at < $yesterday
    ) AS resting,
    (SELECT count(*) FROM run WHERE created_at >= $yesterday) AS moved
