-- Tokens and cost of the run: one row, empty if none were reported.
SELECT
    total_tokens,
    input_tokens,
    output_tokens,
    cache_read_input_tokens,
    cache_creation_input_tokens,
    coalesce(total_tokens, turn_tokens) AS tokens,
    context_peak,
    context_size,
    cost_usd,
    cost_state
FROM
    (VALUES (1)) AS always (one)
    LEFT JOIN run_usage
        ON project_id = $project
        AND run_id = $run
