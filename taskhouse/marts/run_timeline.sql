-- One row per event of a run, with both layers merged in order and without duplicates. An agent message appears chunk
-- by chunk if every chunk was captured, otherwise whole as in the log.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- run_id: The run.
-- ordinal: Place in the run, from 1. Both layers keep their own order; events that only one of them has are placed by
--   time.
-- occurred_at: When it happened, according to the live stream or, if it is not there, the log.
-- layer: `both`, `live` or `log`. A message that is shown whole is `both` if some of its chunks were captured too.
-- kind: Type of the envelope: `notification`, `task_run_state`, `permission_request`, `pi_event`, …
-- method: JSON-RPC method, with one leading underscore where agents send two; a permission prompt always has
--   `_posthog/permission_request`, even if the live stream uses another form.
-- session_update: Kind of a `session/update`, or of an event of the pi runtime.
-- tool_call_id: The tool call that it belongs to.
-- event_id: The agent's number, `<boot>-<number>`; older agents have none.
-- first_event_id: For a message that is shown whole, the number of its first chunk.
-- message_position: For a chunk, the position of the whole message in the run's log, if the log has it.
-- text: Its content as plain text, without NUL characters; see the macro `event_text`.
-- payload: The exact text that arrived; if both layers have it, that of the live event.
-- redacted: Whether something was removed from that text: a secret, a signed address, or with `capture_text = none`
--   every text.
WITH entry AS (
    SELECT
        *,
        layer <> 'log' AS is_live,
        CASE WHEN layer <> 'log' THEN coalesce(stream_ms, epoch_ms(received_at)) END AS live_ms,
        session_update IS NOT DISTINCT FROM 'agent_message_chunk' AND kind = 'notification' AND layer = 'live'
            AS is_chunk,
        session_update IS NOT DISTINCT FROM 'agent_message' AND kind = 'notification' AND layer = 'log' AS is_whole,
        -- The orchestrator's frames come between an agent's chunks and end no message.
        kind IN ('notification', 'pi_event') AND (event_id IS NOT NULL OR method IS DISTINCT FROM '_posthog/progress')
            AS is_agents
    FROM
        main.events_once
),

read AS (
    SELECT
        *,
        CASE WHEN is_chunk OR is_whole THEN main.event_boot(event_id) END AS boot,
        CASE WHEN is_chunk OR is_whole THEN main.event_number(event_id) END AS last_number,
        CASE
            WHEN is_chunk THEN main.event_number(event_id)
            WHEN is_whole THEN main.event_number(first_event_id)
        END AS first_number,
        CASE
            WHEN (is_chunk AND event_id IS NULL) OR (is_whole AND first_event_id IS NULL)
                THEN main.event_text(payload)
        END AS words
    FROM
        entry
),

-- For a chunk, the last message of the log that begins at or before it, and the stretch of chunks it is in.
placed AS (
    SELECT
        *,
        row_number() OVER live_order AS live_index,
        count(*) FILTER (WHERE is_agents AND NOT is_chunk AND is_live) OVER live_order AS stretch,
        last_value(CASE WHEN is_whole THEN first_number END IGNORE NULLS) OVER numbers AS range_first,
        last_value(CASE WHEN is_whole THEN last_number END IGNORE NULLS) OVER numbers AS range_last
    FROM
        read
    WINDOW
        live_order AS (
            PARTITION BY project_id, task_id, run_id
            ORDER BY live_ms NULLS LAST, stream_seq, incarnation, received_at, position, payload
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ),
        numbers AS (
            PARTITION BY project_id, task_id, run_id, boot
            ORDER BY first_number, is_chunk
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
),

-- What the chunks of a stretch say together: put together once for each stretch, not for each of its chunks.
spoken AS (
    SELECT
        project_id,
        task_id,
        run_id,
        stretch,
        md5(string_agg(words, '' ORDER BY live_index)) AS said
    FROM
        placed
    WHERE
        is_chunk
        AND words IS NOT NULL
    GROUP BY
        project_id,
        task_id,
        run_id,
        stretch
),

ranged AS (
    SELECT
        placed.* REPLACE (
            CASE WHEN placed.first_number <= placed.range_last THEN placed.range_first END AS range_first
        ),
        CASE
            WHEN placed.is_chunk AND placed.words IS NOT NULL THEN spoken.said
            WHEN placed.is_whole AND placed.words IS NOT NULL THEN md5(placed.words)
        END AS said
    FROM
        placed
        LEFT JOIN spoken
            ON placed.project_id = spoken.project_id
            AND placed.task_id = spoken.task_id
            AND placed.run_id = spoken.run_id
            AND placed.stretch = spoken.stretch
            AND placed.is_chunk
),

matched AS (
    SELECT
        *,
        CASE WHEN range_first IS NOT NULL THEN count(*) FILTER (WHERE is_chunk) OVER same_range END AS range_chunks,
        CASE WHEN range_first IS NOT NULL THEN max(CASE WHEN is_whole THEN position END) OVER same_range END
            AS range_position,
        dense_rank() OVER (
            PARTITION BY project_id, task_id, run_id, said, is_chunk
            ORDER BY CASE WHEN is_chunk THEN stretch ELSE position END
        ) AS nth
    FROM
        ranged
    WINDOW
        same_range AS (PARTITION BY project_id, task_id, run_id, boot, range_first)
),

judged AS (
    SELECT
        *,
        range_chunks = range_last - range_first + 1 AS range_whole,
        CASE WHEN said IS NOT NULL THEN bool_or(is_chunk) OVER same_words END AS said_live,
        CASE WHEN said IS NOT NULL THEN max(CASE WHEN is_whole THEN position END) OVER same_words END AS said_position
    FROM
        matched
    WINDOW
        same_words AS (PARTITION BY project_id, task_id, run_id, said, nth)
),

shown AS (
    SELECT
        * REPLACE (
            CASE
                WHEN is_chunk AND (range_whole OR said_position IS NOT NULL) THEN 'both'
                WHEN is_whole AND range_chunks > 0 THEN 'both'
                ELSE layer
            END AS layer,
            CASE WHEN is_chunk THEN coalesce(range_position, said_position) ELSE position END AS position
        ),
        CASE WHEN is_chunk THEN coalesce(range_position, said_position) END AS message_position,
        max(CASE WHEN is_live THEN occurred_at END) OVER (
            PARTITION BY project_id, task_id, run_id
            ORDER BY live_index
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) AS live_at
    FROM
        judged
    WHERE
        NOT (is_whole AND (coalesce(range_whole, false) OR coalesce(said_live, false)))
        AND NOT (is_chunk AND range_first IS NOT NULL AND NOT range_whole)
),

-- What only the log has comes after what the log has before it, and before what it has after it.
anchored AS (
    SELECT
        *,
        CASE
            WHEN is_live THEN live_at
            ELSE greatest(
                max(CASE WHEN is_live THEN live_at END) OVER log_order,
                least(
                    max(coalesce(logged_at, occurred_at)) OVER log_order,
                    min(CASE WHEN is_live THEN live_at END) OVER (
                        PARTITION BY project_id, task_id, run_id, position IS NULL
                        ORDER BY position, live_index
                        ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
                    )
                )
            )
        END AS sort_at,
        CASE
            WHEN is_live THEN live_index
            ELSE coalesce(max(CASE WHEN is_live THEN live_index END) OVER log_order, 0)
        END AS anchor
    FROM
        shown
    WINDOW
        log_order AS (
            PARTITION BY project_id, task_id, run_id, position IS NULL
            ORDER BY position, live_index
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
)

SELECT
    project_id,
    task_id,
    run_id,
    row_number() OVER (
        PARTITION BY project_id, task_id, run_id
        ORDER BY sort_at NULLS FIRST, anchor, is_live DESC, position
    ) AS ordinal,
    occurred_at,
    layer,
    kind,
    method,
    session_update,
    tool_call_id,
    event_id,
    first_event_id,
    message_position,
    main.event_text(payload) AS text,
    payload,
    redacted
FROM
    anchored
