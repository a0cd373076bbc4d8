-- What a run says of itself also says what its task's latest run is: the task gets the version that its own row
-- would show now.
INSERT INTO raw.task_versions BY NAME
WITH run AS (
    SELECT
        stored.*
    FROM
        raw.run_versions AS stored
        SEMI JOIN incoming USING (project_id, run_id)
    QUALIFY
        row_number() OVER (PARTITION BY stored.project_id, stored.run_id ORDER BY stored.valid_from DESC) = 1
),

task AS (
    SELECT
        stored.*
    FROM
        raw.task_versions AS stored
        SEMI JOIN incoming USING (project_id, task_id)
    QUALIFY
        row_number() OVER (PARTITION BY stored.project_id, stored.task_id ORDER BY stored.valid_from DESC) = 1
)

SELECT
    task.* REPLACE (
        greatest(run.valid_from, task.valid_from + INTERVAL 1 MICROSECOND) AS valid_from,
        'run' AS observed_in,
        run.status AS latest_run_status,
        run.environment AS latest_run_environment,
        run.pass_id AS pass_id,
        run.page AS page
    )
FROM
    task
    INNER JOIN run
        ON run.project_id = task.project_id
        AND run.run_id = task.latest_run_id
WHERE
    run.valid_from > task.valid_from - INTERVAL 1 MILLISECOND
    AND (
        task.latest_run_status IS DISTINCT FROM run.status
        OR task.latest_run_environment IS DISTINCT FROM run.environment
    )
