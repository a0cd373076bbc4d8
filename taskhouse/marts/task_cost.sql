-- One row per task that was ever seen, with its cost when PostHog was last asked. If `TASKHOUSE_TASK_USAGE` is on,
-- taskhouse asks for a task when its runs change, and once more after an hour without change. The amounts include the
-- cost before the first request, but not how it developed.
-- Key: `project_id`, `task_id`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- title: Its title.
-- repository: `organization/repository`, in lower case; NULL if it has none.
-- runs: Number of its known runs. If it is 0, the cost is not requested.
-- token_cost_usd: Cost of its runs' tokens until `as_of`, in US dollars, as metered by PostHog (unlike
--   `run_usage.cost_usd`, which is derived from events). NULL if it was never requested, or if the server does not
--   know.
-- compute_cost_usd: Cost of its sandboxes until `as_of`.
-- total_cost_usd: Sum of both, from the server.
-- as_of: When it was last requested; NULL if never.
-- unchanged_since: When these amounts were first seen.
-- may_grow: Whether they may be out of date: a run was unfinished or had changed within the hour before `as_of`, or
--   changed after it. It is not known whether PostHog meters even later. NULL if it was never requested.
-- absent_since: When a complete pass no longer saw the task; its cost is not requested after that. NULL while it is
--   there.
WITH run AS (
    SELECT
        project_id,
        task_id,
        count(*) AS runs,
        bool_or(status NOT IN ('completed', 'failed', 'cancelled')) AS moves,
        max(greatest(created_at, updated_at, completed_at)) AS moved_at
    FROM
        main.run_history
    WHERE
        is_current
    GROUP BY
        project_id,
        task_id
)

SELECT
    task.project_id,
    task.task_id,
    task.title,
    task.repository,
    coalesce(run.runs, 0) AS runs,
    cost.token_cost_usd,
    cost.compute_cost_usd,
    cost.total_cost_usd,
    asked.updated_at AS as_of,
    cost.valid_from AS unchanged_since,
    CASE WHEN asked.updated_at IS NOT NULL THEN run.moves OR asked.updated_at < run.moved_at + INTERVAL 1 HOUR END
        AS may_grow,
    task.absent_since
FROM
    main.tasks AS task
    LEFT JOIN run
        ON run.project_id = task.project_id
        AND run.task_id = task.task_id
    LEFT JOIN main.task_cost_history AS cost
        ON cost.project_id = task.project_id
        AND cost.task_id = task.task_id
        AND cost.is_current
    LEFT JOIN ledger.cursors AS asked
        ON asked.project_id = task.project_id
        AND asked.resource = 'task_usage'
        AND asked.key = task.task_id
