-- One row per pull request with its share of the cost of the tasks whose runs name it. A task's cost is divided evenly
-- among its merged pull requests or, if none is merged, among all of them. So a sum over pull requests counts each task
-- once. Needs `TASKHOUSE_TASK_USAGE`; see `task_cost` for how far an amount can be relied on.
-- Key: `project_id`, `pr_url`.
--
-- project_id: The PostHog project.
-- pr_url: Its URL.
-- state: `open`, `draft`, `merged` or `closed`, as last seen; NULL if the server does not say.
-- merged_after: It was merged after this time; see `pr_history`. NULL if it was not seen merged.
-- merged_before: And before this time.
-- tasks: Tasks whose runs name it.
-- cost_known: Whether the cost of each of these tasks is known.
-- cost_usd: Its share of their cost, in US dollars; NULL if `cost_known` is false. 0 for one that is not merged, of
--   tasks that have another, merged one.
WITH named AS (
    SELECT DISTINCT
        project_id,
        pr_url,
        task_id
    FROM
        main.pr_versions
),

request AS (
    SELECT
        *
    FROM
        main.pr_history
    WHERE
        is_current
),

shared AS (
    SELECT
        named.project_id,
        named.pr_url,
        named.task_id,
        request.state,
        request.merged_after,
        request.merged_before,
        request.merged_before IS NOT NULL AS is_merged,
        count(request.merged_before) OVER task AS merged,
        count(*) OVER task AS requests
    FROM
        named
        INNER JOIN request
            ON named.project_id = request.project_id
            AND named.pr_url = request.pr_url
    WINDOW
        task AS (PARTITION BY named.project_id, named.task_id)
),

part AS (
    SELECT
        shared.*,
        cost.total_cost_usd,
        CASE
            WHEN shared.merged = 0 THEN cost.total_cost_usd / shared.requests
            WHEN shared.is_merged THEN cost.total_cost_usd / shared.merged
            WHEN cost.total_cost_usd IS NOT NULL THEN 0
        END AS cost_usd
    FROM
        shared
        LEFT JOIN main.task_cost AS cost
            ON shared.project_id = cost.project_id
            AND shared.task_id = cost.task_id
)

SELECT
    project_id,
    pr_url,
    state,
    merged_after,
    merged_before,
    count(*) AS tasks,
    count(total_cost_usd) = count(*) AS cost_known,
    CASE WHEN count(total_cost_usd) = count(*) THEN sum(cost_usd) END AS cost_usd
FROM
    part
GROUP BY
    ALL
