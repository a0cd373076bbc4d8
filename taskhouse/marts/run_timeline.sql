-- One row per event of a run, with both layers merged in order and without duplicates. An agent message appears chunk
-- by chunk if every chunk was captured, otherwise whole as in the log.
-- Key: `project_id`, `run_id`, `ordinal`.
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
-- source: The leg that its id in the stream belongs to, as in `run_events`; `log` for what only the log has.
-- incarnation: Of an event of the stream, 1 or more if an earlier event had the same id.
-- stream_ms: First part of its id in the stream.
-- stream_seq: Second part of it.
-- position: Its place in the run's log, from 0; for a chunk, that of the whole message.
-- text: Its content as plain text, without NUL characters; see the macro `event_text`.
-- characters: Length of that text in Unicode characters, even if the capture keeps only a mark of its length.
-- payload: The exact text that arrived; if both layers have it, that of the live event. Query it through
--   `event_document`.
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

placed AS (
    SELECT
        *,
        row_number() OVER live_order AS live_index,
        count(CASE WHEN is_agents AND NOT is_chunk AND is_live THEN 1 END) OVER live_order AS stretch,
        max(CASE WHEN is_live THEN occurred_at END) OVER live_order AS live_at
    FROM
        entry
    WINDOW
        live_order AS (
            PARTITION BY project_id, task_id, run_id
            ORDER BY
                live_ms ASC NULLS LAST,
                stream_seq ASC,
                incarnation ASC,
                received_at ASC,
                position ASC,
                source ASC,
                tie ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
),

-- Chunks that only the stream has, and messages that only the log has, with their numbers; the words of those without.
spoken AS (
    SELECT
        project_id,
        task_id,
        run_id,
        live_index,
        is_chunk,
        is_whole,
        position,
        stretch,
        CASE WHEN is_chunk THEN event_id ELSE first_event_id END AS first_id,
        main.event_boot(event_id) AS boot,
        main.event_number(first_id) AS first_number,
        CASE WHEN is_whole AND first_number IS NOT NULL THEN main.event_number(event_id) END AS last_number,
        CASE WHEN first_id IS NULL THEN text END AS words
    FROM
        placed
    WHERE
        is_chunk
        OR is_whole
),

-- For a chunk with a number, the last message of the log that begins at or before it.
ranged AS (
    SELECT
        * EXCLUDE (range_first),
        CASE WHEN first_number <= range_last THEN range_first END AS range_first
    FROM (
        SELECT
            *,
            last_value(CASE WHEN is_whole THEN first_number END IGNORE NULLS) OVER numbers AS range_first,
            last_value(CASE WHEN is_whole THEN last_number END IGNORE NULLS) OVER numbers AS range_last
        FROM
            spoken
        WHERE
            first_id IS NOT NULL
        WINDOW
            numbers AS (
                PARTITION BY project_id, task_id, run_id, boot
                ORDER BY first_number ASC, is_chunk ASC
                ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
            )
    )
),

-- What the chunks of a stretch say together: put together once for each stretch, not for each of its chunks.
stretched AS (
    SELECT
        project_id,
        task_id,
        run_id,
        stretch,
        md5(string_agg(words, '' ORDER BY live_index ASC)) AS together
    FROM
        spoken
    WHERE
        is_chunk
        AND words IS NOT NULL
    GROUP BY
        project_id,
        task_id,
        run_id,
        stretch
),

worded AS (
    SELECT
        spoken.*,
        CASE WHEN spoken.is_chunk THEN stretched.together ELSE md5(spoken.words) END AS said,
        dense_rank() OVER (
            PARTITION BY spoken.project_id, spoken.task_id, spoken.run_id, said, spoken.is_chunk
            ORDER BY CASE WHEN spoken.is_chunk THEN spoken.stretch ELSE spoken.position END ASC
        ) AS nth
    FROM
        spoken
        LEFT JOIN stretched
            ON spoken.project_id = stretched.project_id
            AND spoken.task_id = stretched.task_id
            AND spoken.run_id = stretched.run_id
            AND spoken.stretch = stretched.stretch
            AND spoken.is_chunk
    WHERE
        spoken.words IS NOT NULL
),

-- Which message of the log a chunk belongs to, and whether all of the message was captured in chunks.
matched AS (
    SELECT
        project_id,
        task_id,
        run_id,
        live_index,
        range_first,
        CASE WHEN range_first IS NOT NULL THEN count(CASE WHEN is_chunk THEN 1 END) OVER same_range END AS range_chunks,
        CASE WHEN range_first IS NOT NULL THEN max(CASE WHEN is_whole THEN position END) OVER same_range END
            AS range_position,
        range_chunks = range_last - range_first + 1 AS range_whole
    FROM
        ranged
    WINDOW
        same_range AS (PARTITION BY project_id, task_id, run_id, boot, range_first)
    UNION ALL BY NAME
    SELECT
        project_id,
        task_id,
        run_id,
        live_index,
        bool_or(is_chunk) OVER same_words AS said_live,
        max(CASE WHEN is_whole THEN position END) OVER same_words AS said_position
    FROM
        worded
    WINDOW
        same_words AS (PARTITION BY project_id, task_id, run_id, said, nth)
),

judged AS (
    SELECT
        placed.project_id,
        placed.task_id,
        placed.run_id,
        placed.live_index,
        placed.is_live,
        placed.is_chunk,
        placed.is_whole,
        placed.layer,
        placed.live_at,
        placed.occurred_at,
        placed.logged_at,
        placed.position,
        matched.range_first,
        matched.range_chunks,
        matched.range_position,
        matched.range_whole,
        matched.said_live,
        matched.said_position
    FROM
        placed
        LEFT JOIN matched
            ON placed.project_id = matched.project_id
            AND placed.task_id = matched.task_id
            AND placed.run_id = matched.run_id
            AND placed.live_index = matched.live_index
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
        CASE WHEN is_chunk THEN coalesce(range_position, said_position) END AS message_position
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
                        ORDER BY position ASC, live_index ASC
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
            ORDER BY position ASC, live_index ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        )
),

ordered AS (
    SELECT
        project_id,
        task_id,
        run_id,
        live_index,
        row_number() OVER (
            PARTITION BY project_id, task_id, run_id
            ORDER BY sort_at ASC NULLS FIRST, anchor ASC, is_live DESC, position ASC
        ) AS ordinal,
        occurred_at,
        layer,
        message_position,
        position
    FROM
        anchored
)

-- All that is not needed for the order is left out of it, and joined again.
SELECT
    ordered.project_id,
    ordered.task_id,
    ordered.run_id,
    ordered.ordinal,
    ordered.occurred_at,
    ordered.layer,
    placed.kind,
    placed.method,
    placed.session_update,
    placed.tool_call_id,
    placed.event_id,
    placed.first_event_id,
    ordered.message_position,
    placed.source,
    placed.incarnation,
    placed.stream_ms,
    placed.stream_seq,
    ordered.position,
    placed.text,
    placed.characters,
    placed.payload,
    placed.redacted
FROM
    ordered
    INNER JOIN placed
        ON ordered.project_id = placed.project_id
        AND ordered.task_id = placed.task_id
        AND ordered.run_id = placed.run_id
        AND ordered.live_index = placed.live_index
