-- One row per change of what a task cost, where it was asked: from valid_from until valid_to. Empty unless
-- `TASKHOUSE_TASK_USAGE` is on.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- token_cost_usd: What its runs' tokens cost until then, in US dollars, as PostHog meters it. NULL where the server
--   says that it does not know.
-- compute_cost_usd: What its sandboxes cost until then.
-- total_cost_usd: Both, as the server adds them.
-- observed_in: What told of it: `task_usage`, or `replay` for an answer that could not be read at first.
-- valid_from: When it was first seen; the change came between the look before and this one.
-- valid_to: When the next change was seen; NULL for the newest.
-- is_current: Whether it is the newest.
-- payload: The answer as JSON.
-- pass_id: The pass that saw it.
SELECT
    project_id,
    task_id,
    token_cost_usd,
    compute_cost_usd,
    total_cost_usd,
    observed_in,
    valid_from,
    lead(valid_from) OVER version AS valid_to,
    lead(valid_from) OVER version IS NULL AS is_current,
    payload,
    pass_id
FROM
    raw.task_usage
WINDOW
    version AS (PARTITION BY project_id, task_id ORDER BY valid_from)
