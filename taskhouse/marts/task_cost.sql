-- One row per task that was ever seen, with what it had cost when PostHog was asked last. A task is asked for when its
-- runs move and once more after an hour of rest, if `TASKHOUSE_TASK_USAGE` is on. What a task cost before taskhouse
-- asked is in the amounts; how it came about is not.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- title: Its title.
-- repository: `organization/repository`, in lower case; NULL where it has none.
-- runs: Runs of it that are known here; 0 where it has none, and then it is not asked for.
-- token_cost_usd: What its runs' tokens cost until `as_of`, in US dollars, as PostHog meters it; not derived from
--   events, as `run_usage.cost_usd` is. NULL where it was never asked for, or where the server does not know.
-- compute_cost_usd: What its sandboxes cost until `as_of`.
-- total_cost_usd: Both, as the server adds them.
-- as_of: When it was asked for last; NULL where it never was.
-- unchanged_since: When these amounts were first seen.
-- may_grow: Whether they may be out of date: a run was unfinished or had moved within the hour before `as_of`, or moved
--   after it. Whether PostHog still meters later than that is not established. NULL where it was never asked for.
-- absent_since: When a complete pass no longer saw the task, which is not asked for since; NULL while it is there.
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
