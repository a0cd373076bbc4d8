-- One row per pull request that a run names in its `output` (never taken from what an agent wrote).
-- Key: `project_id`, `pr_url`.
--
-- project_id: The PostHog project.
-- pr_url: Its URL.
-- repository: `organization/repository`, from the URL; NULL if the URL has another form.
-- number: Its number, from the URL.
-- state: `open`, `draft`, `merged`, `closed` or `unknown`, as last seen; NULL if the server does not say. If a run
--   names several, its state is that of its `pr_url`; the run says nothing about the others.
-- is_merged: Whether the server says that it was merged.
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
WITH version AS (
    SELECT
        run.*,
        json_extract_string(
            main.event_document(run.payload),
            [
                '$.output.pr_state',
                '$.output.pr_merged',
                '$.output.ci_status',
                '$.output.head_branch'
            ]
        ) AS field,
        list_distinct(
            list_append(json_extract_string(main.event_document(run.payload), '$.output.pr_urls[*]'), run.pr_url)
        ) AS urls
    FROM
        main.run_history AS run
),

each AS (
    SELECT
        * EXCLUDE (pr_url),
        pr_url AS own_url,
        unnest(urls) AS pr_url
    FROM
        version
),

named AS (
    SELECT
        * REPLACE (CASE WHEN pr_url = own_url OR len(urls) = 1 THEN field END AS field)
    FROM
        each
),

request AS (
    SELECT
        project_id,
        pr_url,
        arg_max(field[1], valid_from) AS state,
        bool_or(TRY_CAST(field[2] AS BOOLEAN)) AS is_merged,
        arg_max(field[3], valid_from) AS ci_status,
        arg_max(field[4], valid_from) AS head_branch,
        arg_max(task_id, (valid_from, run_id)) AS task_id,
        arg_max(run_id, (valid_from, run_id)) AS run_id,
        count(DISTINCT run_id) AS runs,
        arg_max(runtime_adapter, (valid_from, run_id)) AS runtime_adapter,
        arg_max(model, (valid_from, run_id)) AS model,
        min(created_at) AS first_run_created_at,
        min(valid_from) AS first_seen_at,
        max(valid_from) AS last_seen_at
    FROM
        named
    WHERE
        pr_url IS NOT NULL
    GROUP BY
        project_id,
        pr_url
)

SELECT
    request.project_id,
    request.pr_url,
    nullif(lower(regexp_extract(request.pr_url, '^https?://[^/]+/([^/]+/[^/]+)/pull/[0-9]+', 1)), '') AS repository,
    TRY_CAST(regexp_extract(request.pr_url, '/pull/([0-9]+)', 1) AS BIGINT) AS number,
    request.state,
    request.is_merged,
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
    LEFT JOIN main.task_history AS task
        ON request.project_id = task.project_id
        AND request.task_id = task.task_id
        AND task.is_current
