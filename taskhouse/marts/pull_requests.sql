-- One row per pull request that a run names in its own `output` (never taken from what an agent wrote). Its state is
-- the newest of `pr_history`, which has the earlier ones.
-- Key: `project_id`, `pr_url`.
--
-- project_id: The PostHog project.
-- pr_url: Its URL.
-- repository: `organization/repository`, from the URL; NULL if the URL has another form.
-- number: Its number, from the URL.
-- state: `open`, `draft`, `merged` or `closed`, as last seen; NULL if the server does not say or does not know. What is
--   said after it was merged is left out.
-- is_merged: Whether it was merged; NULL if `state` is.
-- ci_status: State of its checks, as last seen.
-- head_branch: Its branch.
-- task_id: Task of the last run that named it.
-- run_id: The last run that named it.
-- runs: Runs that name it: a resumed run names the pull request of the previous run.
-- origin_product: What created that task.
-- runtime_adapter: Agent of the last run that named it.
-- model: Model of that run.
-- first_run_created_at: When the first of those runs was created.
-- first_seen_at: When a run that names it was first seen.
-- last_seen_at: When the last version that names it was seen.
WITH request AS (
    SELECT
        project_id,
        pr_url,
        arg_max(ci_status, valid_from) AS ci_status,
        arg_max(head_branch, valid_from) AS head_branch,
        arg_max(task_id, (valid_from, run_id)) AS task_id,
        arg_max(run_id, (valid_from, run_id)) AS run_id,
        count(DISTINCT run_id) AS runs,
        arg_max(runtime_adapter, (valid_from, run_id)) AS runtime_adapter,
        arg_max(model, (valid_from, run_id)) AS model,
        min(run_created_at) AS first_run_created_at,
        min(valid_from) AS first_seen_at,
        max(valid_from) AS last_seen_at
    FROM
        main.pr_versions
    GROUP BY
        project_id,
        pr_url
)

SELECT
    request.project_id,
    request.pr_url,
    history.repository,
    history.number,
    history.state,
    history.state = 'merged' AS is_merged,
    request.ci_status,
    request.head_branch,
    request.task_id,
    request.run_id,
    request.runs,
    task.origin_product,
    request.runtime_adapter,
    request.model,
    request.first_run_created_at,
    request.first_seen_at,
    request.last_seen_at
FROM
    request
    INNER JOIN main.pr_history AS history
        ON request.project_id = history.project_id
        AND request.pr_url = history.pr_url
        AND history.is_current
    LEFT JOIN main.task_history AS task
        ON request.project_id = task.project_id
        AND request.task_id = task.task_id
        AND task.is_current
