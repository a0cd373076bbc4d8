-- One row per run whose events report token usage.
-- Key: `project_id`, `run_id`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- run_id: The run.
-- results: Result messages that reported usage.
-- input_tokens: Input tokens, added up over the results.
-- output_tokens: Output tokens, added up over the results.
-- cache_read_input_tokens: Tokens read from the cache, added up over the results.
-- cache_creation_input_tokens: Tokens written to the cache, added up over the results.
-- total_tokens: Sum of all four. It includes results of background tasks, but not what was not captured.
-- turn_tokens: For pi, whose results report nothing else: the totals of its turns, added up.
-- context_peak: The most tokens that were in the context window at once.
-- context_size: Size of that window, as last reported.
-- cost_usd: What the run cost in US dollars: the last value of each session, if the values in it only grow, added up
--   over the sessions. If it is NULL, `cost_state` says why. A session that spans several runs counts in each of them.
-- cost_state: `summed`: the reported cost only grew, as a running total does, so the last value of each session counts.
--   `not_cumulative`: in some session it fell, so the values are not running totals, and there is no sum.
--   `other_currency`: some of it is not in dollars. `not_reported`: no result had a cost, as with codex.
-- sessions: Sessions that reported a cost.
WITH spend AS (
    SELECT
        *,
        lag(cost) OVER (PARTITION BY project_id, task_id, run_id, session_id ORDER BY occurred_at ASC, cost ASC)
            AS cost_before
    FROM
        main.token_usage
    WHERE
        measure = 'spend'
        AND cost IS NOT NULL
),

session AS (
    SELECT
        project_id,
        task_id,
        run_id,
        session_id,
        max(cost) AS cost,
        bool_or(coalesce(cost < cost_before, false)) AS falls,
        bool_or(coalesce(cost_currency <> 'USD', false)) AS is_foreign
    FROM
        spend
    GROUP BY
        ALL
),

cost AS (
    SELECT
        project_id,
        task_id,
        run_id,
        sum(cost) AS cost,
        bool_or(falls) AS falls,
        bool_or(is_foreign) AS is_foreign,
        count(*) AS sessions
    FROM
        session
    GROUP BY
        ALL
),

used AS (
    SELECT
        project_id,
        task_id,
        run_id,
        count(*) FILTER (WHERE measure = 'spend' AND total_tokens IS NOT NULL) AS results,
        TRY_CAST(sum(input_tokens) FILTER (WHERE measure = 'spend') AS BIGINT) AS input_tokens,
        TRY_CAST(sum(output_tokens) FILTER (WHERE measure = 'spend') AS BIGINT) AS output_tokens,
        TRY_CAST(sum(cache_read_input_tokens) FILTER (WHERE measure = 'spend') AS BIGINT) AS cache_read_input_tokens,
        TRY_CAST(sum(cache_creation_input_tokens) FILTER (WHERE measure = 'spend') AS BIGINT)
            AS cache_creation_input_tokens,
        TRY_CAST(sum(total_tokens) FILTER (WHERE measure = 'spend') AS BIGINT) AS total_tokens,
        TRY_CAST(sum(total_tokens) FILTER (WHERE measure = 'turn') AS BIGINT) AS turn_tokens,
        max(context_used) AS context_peak,
        arg_max(context_size, occurred_at) AS context_size
    FROM
        main.token_usage
    GROUP BY
        ALL
)

SELECT
    used.project_id,
    used.task_id,
    used.run_id,
    used.results,
    used.input_tokens,
    used.output_tokens,
    used.cache_read_input_tokens,
    used.cache_creation_input_tokens,
    used.total_tokens,
    CASE WHEN used.results = 0 THEN used.turn_tokens END AS turn_tokens,
    used.context_peak,
    used.context_size,
    CASE WHEN NOT cost.falls AND NOT cost.is_foreign THEN round(cost.cost, 6) END AS cost_usd,
    CASE
        WHEN cost.cost IS NULL THEN 'not_reported'
        WHEN cost.is_foreign THEN 'other_currency'
        WHEN cost.falls THEN 'not_cumulative'
        ELSE 'summed'
    END AS cost_state,
    coalesce(cost.sessions, 0) AS sessions
FROM
    used
    LEFT JOIN cost
        ON used.project_id = cost.project_id
        AND used.task_id = cost.task_id
        AND used.run_id = cost.run_id
