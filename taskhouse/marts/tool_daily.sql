-- One row per project, day and tool: calls that began on that day.
-- Key: `project_id`, `day`, `tool`, `kind`.
--
-- project_id: The PostHog project.
-- day: The day, in the time zone of `day_zone()`.
-- tool: The agent's name of the tool; the kind if it has none (codex, pi).
-- kind: `read`, `edit`, `execute`, …
-- calls: Calls that began on this day.
-- ended: Calls that ended.
-- failed: Calls that ended with an error; see `tool_calls.is_error`.
-- failure_rate: `failed` divided by `ended`.
-- denied: Calls that the user refused.
-- runs: Number of runs that made them.
-- duration_p50_s: Median duration of the calls that ended.
-- duration_p90_s: 90th percentile of it.
-- duration_p99_s: 99th percentile of it.
-- total_s: Sum of their durations. Calls can overlap, and the calls of a sub-agent are within that of its parent.
-- late: Of `calls`, those of which an event was read after the day was over. Only these change a day that is over;
--   what turns out to belong to another day or tool is counted there, as late.
SELECT
    project_id,
    main.day_of(started_at) AS day,
    coalesce(tool_name, kind, 'unknown') AS tool,
    kind,
    count(*) AS calls,
    count(ended_at) AS ended,
    count(*) FILTER (WHERE ended_at IS NOT NULL AND is_error) AS failed,
    count(*) FILTER (WHERE ended_at IS NOT NULL AND is_error) / nullif(count(ended_at), 0) AS failure_rate,
    count(*) FILTER (WHERE permission_decision LIKE 'reject%' OR permission_decision = 'denied') AS denied,
    count(DISTINCT run_id) AS runs,
    quantile_cont(duration_s, 0.5) AS duration_p50_s,
    quantile_cont(duration_s, 0.9) AS duration_p90_s,
    quantile_cont(duration_s, 0.99) AS duration_p99_s,
    CAST(sum(CAST(duration_s AS DECIMAL(18, 3))) AS DOUBLE) AS total_s,
    count(*) FILTER (WHERE known_at >= main.day_start(main.day_of(started_at) + 1)) AS late
FROM
    main.tool_calls
GROUP BY
    ALL
