-- Tool calls that began in each period, by tool; a tool is named as in `tool_daily`.
SELECT
    period.number,
    coalesce(call.tool_name, call.kind, 'unknown') AS tool,
    count(*) AS calls,
    count(call.ended_at) AS ended,
    count(*) FILTER (WHERE call.ended_at IS NOT NULL AND call.is_error) AS failed,
    quantile_cont(call.duration_s, 0.5) AS p50_s
FROM
    main.tool_calls AS call
    INNER JOIN agents_periods AS period
        ON main.day_of(call.started_at) BETWEEN period.since AND period.until
WHERE
    call.started_at >= main.day_start((SELECT min(since) FROM agents_periods))
    AND ($projects IS NULL OR call.project_id IN (SELECT unnest($projects::BIGINT[])))
    AND (
        ($pattern IS NULL AND $names IS NULL)
        OR (call.project_id, call.task_id) IN (
            SELECT (project_id, task_id) FROM main.tasks
            WHERE
                ($pattern IS NULL OR repository GLOB $pattern)
                AND ($names IS NULL OR repository IN (SELECT unnest($names::VARCHAR[])))
        )
    )
GROUP BY
    ALL
ORDER BY
    period.number,
    calls DESC,
    tool
