-- A version for every real change of a task, never two at one moment.
INSERT INTO raw.task_versions BY NAME
WITH current AS (
    SELECT
        stored.*
    FROM
        raw.task_versions AS stored
        SEMI JOIN incoming USING (project_id, task_id)
    QUALIFY
        row_number() OVER (PARTITION BY stored.project_id, stored.task_id ORDER BY stored.valid_from DESC) = 1
),

once AS (
    SELECT
        *
    FROM
        incoming
    QUALIFY
        row_number() OVER (PARTITION BY project_id, task_id ORDER BY page DESC) = 1
)

SELECT
    once.* REPLACE (
        greatest(once.valid_from, current.valid_from + INTERVAL 1 MICROSECOND) AS valid_from
    )
FROM
    once
    LEFT JOIN current USING (project_id, task_id)
WHERE
    current.task_id IS NULL
    OR current.content_hash <> once.content_hash
    OR current.latest_run_id IS DISTINCT FROM once.latest_run_id
    OR current.latest_run_status IS DISTINCT FROM once.latest_run_status
    OR current.latest_run_environment IS DISTINCT FROM once.latest_run_environment
