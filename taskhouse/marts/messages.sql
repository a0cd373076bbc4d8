-- One row per message of a run: what the agent said or thought, or what the user said. Chunks are joined in their
-- order. A message ends when the agent does something else, or when the log says that it ended.
-- Key: `project_id`, `run_id`, `number`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- run_id: The run.
-- number: Place among the run's messages, from 1.
-- role: `agent`, `thought` or `user`.
-- text: The whole text, without NUL characters; the text of the log if a chunk is missing.
-- characters: Its length in Unicode characters, even if the capture keeps only marks of its length and no text.
-- chunks: Number of chunks that it was joined from; NULL for a message that arrived whole.
-- layer: Layer that has it: `both`, `live` or `log`.
-- started_at: When its first chunk arrived.
-- ended_at: When its last chunk arrived; equal to `started_at` for a message that arrived whole.
-- first_event_id: The agent's number of its first chunk.
-- last_event_id: The agent's number of its last chunk.
-- first_ordinal: Where it begins in `run_timeline`.
WITH entry AS (
    SELECT
        timeline.*,
        CASE
            WHEN session_update IN (
                'agent_message_chunk', 'agent_message', 'assistant_message_chunk', 'assistant_message'
            )
                THEN 'agent'
            WHEN session_update IN (
                'agent_thought_chunk', 'agent_thought', 'assistant_thought_chunk', 'assistant_thought'
            )
                THEN 'thought'
            WHEN session_update IN ('user_message_chunk', 'user_message') THEN 'user'
        END AS role,
        ends_with(session_update, '_chunk') AS is_chunk,
        CASE WHEN is_chunk AND message_position IS NULL THEN main.event_boot(event_id) END AS boot,
        CASE WHEN is_chunk AND message_position IS NULL THEN main.event_number(event_id) END AS event_number
    FROM
        main.run_timeline AS timeline
    WHERE
        kind IN ('notification', 'pi_event')
        AND (event_id IS NOT NULL OR method IS DISTINCT FROM '_posthog/progress')
),

-- Chunks that came live with numbers that do not follow each other: something that is not kept came between them.
begun AS (
    SELECT
        *,
        coalesce(
            lag(role) OVER in_order IS NOT DISTINCT FROM role
            AND is_chunk
            AND lag(is_chunk) OVER in_order
            AND lag(message_position) OVER in_order IS NOT DISTINCT FROM message_position
            AND (
                message_position IS NOT NULL
                OR 'log' IN (layer, lag(layer) OVER in_order)
                OR coalesce(
                    lag(boot) OVER in_order = boot
                    AND lag(event_number) OVER in_order + 1 = event_number,
                    event_number IS NULL
                )
            ),
            false
        ) AS goes_on
    FROM
        entry
    WINDOW
        in_order AS (PARTITION BY project_id, task_id, run_id ORDER BY ordinal ASC)
),

grouped AS (
    SELECT
        *,
        count(CASE WHEN NOT goes_on THEN 1 END) OVER (
            PARTITION BY project_id, task_id, run_id
            ORDER BY ordinal ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS block
    FROM
        begun
)

SELECT
    project_id,
    task_id,
    run_id,
    row_number() OVER (PARTITION BY project_id, task_id, run_id ORDER BY min(ordinal) ASC) AS number,
    role,
    coalesce(string_agg(text, '' ORDER BY ordinal ASC), '') AS text,
    coalesce(TRY_CAST(sum(characters) AS BIGINT), 0) AS characters,
    CASE WHEN bool_or(is_chunk) THEN count(*) END AS chunks,
    CASE WHEN min(layer) = max(layer) THEN min(layer) ELSE 'both' END AS layer,
    arg_min(occurred_at, ordinal) AS started_at,
    arg_max(occurred_at, ordinal) AS ended_at,
    arg_min(CASE WHEN is_chunk THEN event_id ELSE coalesce(first_event_id, event_id) END, ordinal) AS first_event_id,
    arg_max(event_id, ordinal) AS last_event_id,
    min(ordinal) AS first_ordinal
FROM
    grouped
WHERE
    role IS NOT NULL
GROUP BY
    project_id,
    task_id,
    run_id,
    role,
    block
