-- What a run says of itself also says what its task's latest run is: the task gets the version that its own row
-- would show now.
INSERT INTO raw.task_versions BY NAME
WITH current AS (
    SELECT
        stored.*
    FROM
        raw.task_versions AS stored
        SEMI JOIN incoming USING (project_id, task_id)
    QUALIFY
        row_number() OVER (PARTITION BY stored.project_id, stored.task_id ORDER BY stored.valid_from DESC) = 1
)

SELECT
    current.* REPLACE (
        greatest(incoming.valid_from, current.valid_from + INTERVAL 1 MICROSECOND) AS valid_from,
        'run' AS observed_in,
        incoming.status AS latest_run_status,
        incoming.environment AS latest_run_environment,
        incoming.pass_id AS pass_id,
        incoming.page AS page
    )
FROM
    current
    INNER JOIN incoming
        ON current.project_id = incoming.project_id
        AND current.latest_run_id = incoming.run_id
WHERE
    current.latest_run_status IS DISTINCT FROM incoming.status
    OR current.latest_run_environment IS DISTINCT FROM incoming.environment
QUALIFY
    row_number() OVER (PARTITION BY current.project_id, current.task_id ORDER BY incoming.page DESC) = 1
