-- One row per version of a run and pull request that it names in its own `output`. Versions that only a task showed are
-- left out, because a task's run may borrow the pull request of an earlier run.
-- Key: `project_id`, `pr_url`, `run_id`, `valid_from`.
--
-- project_id: The PostHog project.
-- pr_url: URL of the pull request.
-- task_id: The task.
-- run_id: The run.
-- valid_from: When this version was first seen.
-- state: State of the pull request in it: `open`, `draft`, `merged` or `closed`. NULL if the server does not say, or if
--   the run names several and its state is that of another one.
-- looked_before: The last version of the run before it that was seen in the run's own row, if there is one.
-- run_created_at: When the server created the run.
-- runtime_adapter: The agent, such as `claude` or `codex`; NULL if the server does not say.
-- model: The model.
-- ci_status: State of the checks of the pull request, under the same conditions as `state`.
-- head_branch: Its branch, under the same conditions.
WITH version AS (
    SELECT
        project_id,
        task_id,
        run_id,
        valid_from,
        pr_state,
        pr_url AS own_url,
        created_at AS run_created_at,
        runtime_adapter,
        model,
        payload,
        lag(valid_from) OVER (PARTITION BY project_id, run_id ORDER BY valid_from ASC) AS looked_before,
        list_distinct(
            list_append(
                CASE
                    WHEN contains(payload, '"pr_urls"')
                        THEN json_extract_string(main.event_document(payload), '$.output.pr_urls[*]')
                END,
                pr_url
            )
        ) AS urls
    FROM
        raw.run_versions
    WHERE
        observed_in <> 'task'
),

named AS (
    SELECT
        *,
        unnest(urls) AS pr_url,
        pr_url = own_url OR len(urls) = 1 AS is_described
    FROM
        version
)

SELECT
    project_id,
    pr_url,
    task_id,
    run_id,
    valid_from,
    CASE WHEN is_described THEN nullif(pr_state, 'unknown') END AS state,
    looked_before,
    run_created_at,
    runtime_adapter,
    model,
    CASE WHEN is_described THEN json_extract_string(main.event_document(payload), '$.output.ci_status') END
        AS ci_status,
    CASE WHEN is_described THEN json_extract_string(main.event_document(payload), '$.output.head_branch') END
        AS head_branch
FROM
    named
WHERE
    pr_url IS NOT NULL
