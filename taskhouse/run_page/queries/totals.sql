-- Tokens and cost of the run; no row if none were reported.
SELECT
    run_id,
    output_tokens,
    coalesce(total_tokens, turn_tokens) AS tokens,
    cost_usd,
    cost_state
FROM
    run_usage
WHERE
    project_id = $project
    AND run_id = $run
