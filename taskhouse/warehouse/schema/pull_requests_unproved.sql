-- Versions before took pull requests from tasks, where a run may show that of an earlier one. Runs that share a pull
-- request with an earlier run of their task are read by id once more.
INSERT INTO ledger.cursors BY NAME
WITH run AS (
    SELECT
        project_id,
        task_id,
        run_id,
        created_at,
        pr_url
    FROM
        raw.run_versions
    QUALIFY
        row_number() OVER (PARTITION BY project_id, run_id ORDER BY valid_from DESC) = 1
)

SELECT
    run.project_id,
    'run_facts_task' AS resource,
    run.run_id AS key,
    CAST(json_object('task', run.task_id, 'pr_url', run.pr_url, 'digest', '') AS VARCHAR) AS position,
    'due' AS state,
    now() AS updated_at,
    now() AS since,
    'migration' AS moved_by
FROM
    run
    SEMI JOIN run AS earlier
        ON earlier.project_id = run.project_id
        AND earlier.task_id = run.task_id
        AND earlier.pr_url = run.pr_url
        AND earlier.created_at < run.created_at
    ANTI JOIN ledger.cursors AS said
        ON said.project_id = run.project_id
        AND said.resource = 'run_facts_task'
        AND said.key = run.run_id
