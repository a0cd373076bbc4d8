-- What the agents did in each period: in all, and by model and agent.
SELECT
    number,
    grouping(model) = 1 AS is_total,
    model,
    runtime_adapter,
    count(*) AS ended,
    count(*) FILTER (WHERE status = 'completed') AS completed,
    count(*) FILTER (WHERE status = 'failed') AS failed,
    count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
    quantile_cont(duration_s, 0.5) AS p50_s,
    quantile_cont(duration_s, 0.9) AS p90_s,
    round(sum(cost_usd), 6) AS cost_usd,
    count(cost_usd) AS cost_known,
    sum(tokens)::DOUBLE AS tokens,
    count(tokens) AS tokens_known
FROM
    agents_ended
GROUP BY
    GROUPING SETS ((number, model, runtime_adapter), (number))
ORDER BY
    number,
    ended DESC,
    model,
    runtime_adapter
