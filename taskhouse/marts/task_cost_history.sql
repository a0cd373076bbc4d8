-- One row per observed change of the cost of a task, from valid_from until valid_to. Empty unless
-- `TASKHOUSE_TASK_USAGE` is on.
-- Key: `project_id`, `task_id`, `valid_from`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- token_cost_usd: Cost of its runs' tokens until then, in US dollars, as metered by PostHog. NULL if the server says
--   that it does not know.
-- compute_cost_usd: Cost of its sandboxes until then.
-- total_cost_usd: Sum of both, from the server.
-- observed_in: Source: `task_usage`, or `replay` for an answer that could not be read at first.
-- valid_from: When it was first seen. The change happened between the previous look and this one.
-- valid_to: When the next change was seen; NULL for the newest.
-- is_current: Whether it is the newest.
-- payload: The answer as JSON. Query it through `event_document`.
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
    version AS (PARTITION BY project_id, task_id ORDER BY valid_from ASC)
