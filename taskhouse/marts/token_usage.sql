-- One row per event of a run that reports usage. `measure` says what kind; never add up rows of different measures.
-- Key: `project_id`, `run_id`, `occurred_at`, `session_id`, `measure`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- run_id: The run.
-- occurred_at: When it was reported.
-- session_id: The agent's session. A resumed run may continue the session of the previous run.
-- measure: `context`: how full the context window is at this moment; do not add these up. `spend`: usage of one result
--   message; a turn can have several, including results of background tasks. `turn`: usage of a turn, as reported at
--   its end (codex and pi); it repeats the `spend` of the turn.
-- context_used: Tokens in the context window, for `context`.
-- context_size: Its size, for `context`.
-- input_tokens: Input tokens, for `spend` and `turn`.
-- output_tokens: Output tokens, for `spend` and `turn`.
-- cache_read_input_tokens: Tokens read from the cache, for `spend` and `turn`.
-- cache_creation_input_tokens: Tokens written to the cache, for `spend` and `turn`; codex has none.
-- total_tokens: For `turn` the value of the event, for `spend` the sum of the four.
-- cost: The cost as reported. It is not known whether it is the cost of that result or of the session so far; see
--   `run_usage`.
-- cost_currency: Its currency, if reported; a plain number is in US dollars.
-- layer: Layer that has it: `both`, `live` or `log`.
-- event_id: The agent's number.
WITH entry AS (
    SELECT
        *,
        CASE
            WHEN method = '_posthog/usage_update' THEN 'spend'
            WHEN method = 'session/update' THEN 'context'
            ELSE 'turn'
        END AS measure,
        json_extract_string(
            main.event_document(payload),
            [
                '$.notification.params.sessionId',
                '$.notification.params.update.used',
                '$.notification.params.update.size',
                '$.notification.params.used.inputTokens',
                '$.notification.params.used.outputTokens',
                '$.notification.params.used.cachedReadTokens',
                '$.notification.params.used.cachedWriteTokens',
                '$.notification.params.usage.inputTokens',
                '$.notification.params.usage.outputTokens',
                '$.notification.params.usage.cachedReadTokens',
                '$.notification.params.usage.cachedWriteTokens',
                '$.notification.params.usage.totalTokens',
                '$.event.totalTokens',
                '$.notification.params.cost',
                '$.notification.params.cost.amount',
                '$.notification.params.cost.currency',
                '$.notification.params.update.cost',
                '$.notification.params.update.cost.amount',
                '$.notification.params.update.cost.currency'
            ]
        ) AS field
    FROM
        main.events_once
    WHERE
        (method = 'session/update' AND session_update = 'usage_update')
        OR method IN ('_posthog/usage_update', '_posthog/turn_complete')
        OR session_update = 'turn_completed'
),

counted AS (
    SELECT
        *,
        CASE WHEN measure = 'context' THEN main.token_count(field[2]) END AS context_used,
        CASE WHEN measure = 'context' THEN main.token_count(field[3]) END AS context_size,
        main.token_count(CASE measure WHEN 'spend' THEN field[4] WHEN 'turn' THEN field[8] END) AS input_tokens,
        main.token_count(CASE measure WHEN 'spend' THEN field[5] WHEN 'turn' THEN field[9] END) AS output_tokens,
        main.token_count(CASE measure WHEN 'spend' THEN field[6] WHEN 'turn' THEN field[10] END)
            AS cache_read_input_tokens,
        main.token_count(CASE measure WHEN 'spend' THEN field[7] WHEN 'turn' THEN field[11] END)
            AS cache_creation_input_tokens,
        main.token_count(coalesce(field[12], field[13])) AS reported_tokens,
        TRY_CAST(coalesce(field[15], field[14], field[18], field[17]) AS DOUBLE) AS reported_cost
    FROM
        entry
)

SELECT
    project_id,
    task_id,
    run_id,
    occurred_at,
    field[1] AS session_id,
    measure,
    context_used,
    context_size,
    input_tokens,
    output_tokens,
    cache_read_input_tokens,
    cache_creation_input_tokens,
    CASE
        WHEN measure = 'turn' THEN reported_tokens
        WHEN coalesce(input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens) IS NOT NULL
            THEN coalesce(input_tokens, 0)
                + coalesce(output_tokens, 0)
                + coalesce(cache_read_input_tokens, 0)
                + coalesce(cache_creation_input_tokens, 0)
    END AS total_tokens,
    CASE WHEN reported_cost BETWEEN 0 AND 1e9 THEN reported_cost END AS cost,
    CASE WHEN reported_cost BETWEEN 0 AND 1e9 THEN coalesce(field[16], field[19]) END AS cost_currency,
    layer,
    event_id
FROM
    counted
WHERE
    measure <> 'turn'
    OR coalesce(input_tokens, output_tokens, cache_read_input_tokens, cache_creation_input_tokens, reported_tokens)
        IS NOT NULL
