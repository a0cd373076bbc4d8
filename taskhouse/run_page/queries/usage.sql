-- What the run reported of tokens and cost, over time.
SELECT
    run_id,
    epoch_ms(occurred_at) AS at,
    session_id,
    measure,
    context_used,
    context_size,
    total_tokens,
    input_tokens,
    output_tokens,
    cost
FROM
    token_usage
WHERE
    project_id = $project
    AND run_id = $run
ORDER BY
    occurred_at
