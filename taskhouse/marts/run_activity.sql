-- One row per attempt of a run, with what its events show of the work: when files and commits were first made, turns,
-- tool calls, and the time that it waited for answers. All of it is NULL for an attempt without events: `has_events`
-- says how many a query leaves out.
-- Key: `project_id`, `run_id`, `attempt`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- run_id: The run.
-- attempt: Number of the attempt within the run, from 1; see `run_attempts`.
-- has_events: Whether events of the attempt were captured. What follows the last end of a run counts for that attempt.
-- layer: Layer that has its events: `both`, `live` or `log`.
-- first_event_at: When its first event happened.
-- last_event_at: When its last event happened.
-- first_edit_at: When its first tool call of the kind `edit`, `delete` or `move` that did not fail began; NULL if none
--   shows.
-- first_commit_at: When its agent first saved its work in git (`_posthog/git_checkpoint`) or made a branch
--   (`_posthog/branch_created`); NULL if no event says so.
-- first_edit_s: Seconds from the beginning of the attempt to `first_edit_at`.
-- first_commit_s: Seconds from the beginning of the attempt to `first_commit_at`.
-- turns: Turns that ended.
-- user_messages: Messages of users. Each layer is counted for itself, by the first chunk of each message, and the
--   larger count holds. This reads no texts, and is much faster than counting the rows of `messages`.
-- agent_messages: Messages of the agent, without its thoughts, counted in the same way.
-- tool_calls: Tool calls.
-- tool_errors: Tool calls that failed, including those that the user refused.
-- errors: Errors that the agent reported outside of tool calls (`_posthog/error`).
-- permissions_asked: Tool calls for which the user was asked.
-- permissions_answered: Of these, those with an answer.
-- permissions_rejected: Of these, those that were refused.
-- permission_wait_s: Seconds from question to answer, added up over the answered ones; NULL if none was answered of
--   those asked.
-- has_events_before_end: Whether events were captured that happened before its end.
-- last_tool_call_id: The tool call that the last event about one is of, among those before its end.
-- last_tool: Its tool: the agent's name, or the kind if it has none.
-- last_tool_status: How that call stood at the end: `pending`, `in_progress`, `completed` or `failed`.
WITH attempt AS (
    SELECT
        project_id,
        task_id,
        run_id,
        attempt,
        began_at,
        ended_at,
        coalesce(lag(ended_at) OVER run, TIMESTAMPTZ '-infinity') AS after_at,
        CASE WHEN is_last THEN TIMESTAMPTZ 'infinity' ELSE ended_at END AS until_at
    FROM
        main.run_attempt_facts
    WINDOW
        run AS (PARTITION BY project_id, run_id ORDER BY attempt ASC)
),

event AS NOT MATERIALIZED (
    SELECT
        project_id,
        run_id,
        tool_call_id,
        method,
        occurred_at,
        'live' AS layer,
        session_update,
        lag(coalesce(session_update, method, kind)) OVER (
            PARTITION BY project_id, run_id
            ORDER BY coalesce(stream_ms, epoch_ms(received_at)) ASC, stream_seq ASC, incarnation ASC
        ) AS name_before
    FROM
        raw.run_events
    UNION ALL
    SELECT
        project_id,
        run_id,
        tool_call_id,
        method,
        occurred_at,
        'log' AS layer,
        session_update,
        lag(coalesce(session_update, method, kind)) OVER (PARTITION BY project_id, run_id ORDER BY position ASC)
            AS name_before
    FROM
        raw.run_log_entries
),

-- The first chunk of a message stands for it.
spoken AS (
    SELECT
        *,
        session_update IN ('user_message', 'user_message_chunk') AS by_user,
        session_update IN (
            'agent_message', 'agent_message_chunk', 'assistant_message', 'assistant_message_chunk'
        ) AS by_agent
    FROM
        event
    WHERE
        NOT ends_with(session_update, '_chunk')
        OR name_before IS DISTINCT FROM session_update
),

heard AS (
    SELECT
        attempt.project_id,
        attempt.run_id,
        attempt.attempt,
        greatest(
            count(*) FILTER (WHERE spoken.by_user AND spoken.layer = 'live'),
            count(*) FILTER (WHERE spoken.by_user AND spoken.layer = 'log')
        ) AS user_messages,
        greatest(
            count(*) FILTER (WHERE spoken.by_agent AND spoken.layer = 'live'),
            count(*) FILTER (WHERE spoken.by_agent AND spoken.layer = 'log')
        ) AS agent_messages
    FROM
        attempt
        INNER JOIN spoken
            ON attempt.project_id = spoken.project_id
            AND attempt.run_id = spoken.run_id
            AND spoken.occurred_at > attempt.after_at
            AND spoken.occurred_at <= attempt.until_at
    WHERE
        spoken.by_user
        OR spoken.by_agent
    GROUP BY
        ALL
),

happened AS NOT MATERIALIZED (
    SELECT
        attempt.project_id,
        attempt.run_id,
        attempt.attempt,
        CASE WHEN min(event.layer) = max(event.layer) THEN min(event.layer) ELSE 'both' END AS layer,
        min(event.occurred_at) AS first_event_at,
        max(event.occurred_at) AS last_event_at,
        min(event.occurred_at) FILTER (WHERE event.method IN ('_posthog/git_checkpoint', '_posthog/branch_created'))
            AS first_commit_at,
        bool_or(event.occurred_at <= coalesce(attempt.ended_at, TIMESTAMPTZ 'infinity')) AS has_events_before_end,
        arg_max(event.tool_call_id, (event.occurred_at, event.tool_call_id)) FILTER (
            WHERE event.occurred_at <= coalesce(attempt.ended_at, TIMESTAMPTZ 'infinity')
        ) AS last_tool_call_id
    FROM
        attempt
        INNER JOIN event
            ON attempt.project_id = event.project_id
            AND attempt.run_id = event.run_id
            AND event.occurred_at > attempt.after_at
            AND event.occurred_at <= attempt.until_at
    GROUP BY
        ALL
),

-- Turns and errors are counted, so an event that is in both layers must be one.
counted AS (
    SELECT
        attempt.project_id,
        attempt.run_id,
        attempt.attempt,
        count(*) FILTER (
            WHERE event.method IS NOT DISTINCT FROM '_posthog/turn_complete'
            OR event.session_update = 'turn_completed'
        ) AS turns,
        count(*) FILTER (WHERE event.method = '_posthog/error') AS errors
    FROM
        attempt
        INNER JOIN main.events_once AS event
            ON attempt.project_id = event.project_id
            AND attempt.run_id = event.run_id
            AND event.occurred_at > attempt.after_at
            AND event.occurred_at <= attempt.until_at
    WHERE
        event.method IN ('_posthog/turn_complete', '_posthog/error')
        OR event.session_update = 'turn_completed'
    GROUP BY
        ALL
),

-- Events of tool calls from both layers: one that is in both says the same twice.
said AS NOT MATERIALIZED (
    SELECT
        project_id,
        run_id,
        tool_call_id,
        kind,
        method,
        session_update,
        occurred_at,
        payload,
        true AS is_live
    FROM
        raw.run_events
    WHERE
        tool_call_id IS NOT NULL
        OR (kind = 'pi_event' AND starts_with(session_update, 'tool_call'))
    UNION ALL
    SELECT
        project_id,
        run_id,
        tool_call_id,
        kind,
        method,
        session_update,
        occurred_at,
        payload,
        false AS is_live
    FROM
        raw.run_log_entries
    WHERE
        tool_call_id IS NOT NULL
        OR (kind = 'pi_event' AND starts_with(session_update, 'tool_call'))
),

read AS NOT MATERIALIZED (
    SELECT
        *,
        json_extract_string(
            main.event_document(payload),
            [
                '$.event.toolCall.id',
                '$.notification.params.update.kind',
                '$.event.toolCall.kind',
                '$.notification.params.update.status',
                '$.event.toolCall.status',
                '$.notification.params.update.rawOutput.isError',
                '$.notification.params.update.decisionReason',
                '$.notification.params.update._meta.claudeCode.toolName'
            ]
        ) AS field,
        kind = 'permission_request' OR method = '_posthog/permission_request' AS asks,
        method IN ('_posthog/permission_resolved', '_posthog/permission_response') AS answers,
        CASE
            WHEN method IN ('_posthog/permission_resolved', '_posthog/permission_response')
                THEN json_extract_string(main.event_document(payload), '$.notification.params.optionId')
        END AS option_id,
        CASE
            WHEN kind = 'permission_request' OR method = '_posthog/permission_request'
                THEN list_zip(
                    list_concat(
                        json_extract_string(main.event_document(payload), '$.options[*].optionId'),
                        json_extract_string(main.event_document(payload), '$.notification.params.options[*].optionId')
                    ),
                    list_concat(
                        json_extract_string(main.event_document(payload), '$.options[*].kind'),
                        json_extract_string(main.event_document(payload), '$.notification.params.options[*].kind')
                    )
                )
        END AS options
    FROM
        said
),

call AS (
    SELECT
        project_id,
        run_id,
        coalesce(tool_call_id, field[1]) AS tool_call_id,
        min(occurred_at) AS started_at,
        coalesce(bool_or(coalesce(field[2], field[3]) IN ('edit', 'delete', 'move')), false) AS is_edit,
        coalesce(
            bool_or(coalesce(field[4], field[5]) = 'failed' OR coalesce(TRY_CAST(field[6] AS BOOLEAN), false)),
            false
        ) AS is_error,
        count(field[7]) > 0 AS is_denied,
        count(*) FILTER (WHERE asks) > 0 AS asked,
        min(occurred_at) FILTER (WHERE asks) AS asked_at,
        -- The log's times are a little later.
        coalesce(max(occurred_at) FILTER (WHERE answers AND is_live), max(occurred_at) FILTER (WHERE answers))
            AS answered_at,
        arg_max(option_id, occurred_at) AS option_id,
        arg_max(options, occurred_at) AS options
    FROM
        read
    WHERE
        coalesce(tool_call_id, field[1]) IS NOT NULL
    GROUP BY
        project_id,
        run_id,
        coalesce(tool_call_id, field[1])
),

called AS (
    SELECT
        attempt.project_id,
        attempt.run_id,
        attempt.attempt,
        min(call.started_at) FILTER (WHERE call.is_edit AND NOT call.is_error) AS first_edit_at,
        count(*) AS tool_calls,
        count(*) FILTER (WHERE call.is_error) AS tool_errors,
        count(*) FILTER (WHERE call.asked) AS permissions_asked,
        count(*) FILTER (WHERE call.asked AND call.answered_at IS NOT NULL) AS permissions_answered,
        count(*) FILTER (
            WHERE call.asked
            AND starts_with(
                coalesce(
                    list_filter(call.options, lambda choice: choice[1] = call.option_id)[1][2],
                    call.option_id,
                    CASE WHEN call.is_denied THEN 'reject' END
                ),
                'reject'
            )
        ) AS permissions_rejected,
        CASE
            WHEN permissions_asked = 0 THEN 0
            ELSE sum(date_diff('millisecond', call.asked_at, call.answered_at)) / 1000
        END AS permission_wait_s
    FROM
        attempt
        INNER JOIN call
            ON attempt.project_id = call.project_id
            AND attempt.run_id = call.run_id
            AND call.started_at > attempt.after_at
            AND call.started_at <= attempt.until_at
    GROUP BY
        ALL
),

last_tool AS (
    SELECT
        attempt.project_id,
        attempt.run_id,
        attempt.attempt,
        arg_max(coalesce(read.field[4], read.field[5]), read.occurred_at) AS status,
        coalesce(max(read.field[8]), max(coalesce(read.field[2], read.field[3]))) AS tool
    FROM
        attempt
        INNER JOIN happened USING (project_id, run_id, attempt)
        INNER JOIN read
            ON happened.project_id = read.project_id
            AND happened.run_id = read.run_id
            AND happened.last_tool_call_id = read.tool_call_id
            AND read.occurred_at > attempt.after_at
            AND read.occurred_at <= coalesce(attempt.ended_at, TIMESTAMPTZ 'infinity')
    GROUP BY
        ALL
)

SELECT
    attempt.project_id,
    attempt.task_id,
    attempt.run_id,
    attempt.attempt,
    happened.run_id IS NOT NULL AS has_events,
    happened.layer,
    happened.first_event_at,
    happened.last_event_at,
    called.first_edit_at,
    happened.first_commit_at,
    CASE
        WHEN called.first_edit_at < attempt.began_at THEN 0
        ELSE date_diff('millisecond', attempt.began_at, called.first_edit_at) / 1000
    END AS first_edit_s,
    CASE
        WHEN happened.first_commit_at < attempt.began_at THEN 0
        ELSE date_diff('millisecond', attempt.began_at, happened.first_commit_at) / 1000
    END AS first_commit_s,
    CASE WHEN happened.run_id IS NOT NULL THEN coalesce(counted.turns, 0) END AS turns,
    CASE WHEN happened.run_id IS NOT NULL THEN coalesce(heard.user_messages, 0) END AS user_messages,
    CASE WHEN happened.run_id IS NOT NULL THEN coalesce(heard.agent_messages, 0) END AS agent_messages,
    CASE WHEN happened.run_id IS NOT NULL THEN coalesce(called.tool_calls, 0) END AS tool_calls,
    CASE WHEN happened.run_id IS NOT NULL THEN coalesce(called.tool_errors, 0) END AS tool_errors,
    CASE WHEN happened.run_id IS NOT NULL THEN coalesce(counted.errors, 0) END AS errors,
    CASE WHEN happened.run_id IS NOT NULL THEN coalesce(called.permissions_asked, 0) END AS permissions_asked,
    CASE WHEN happened.run_id IS NOT NULL THEN coalesce(called.permissions_answered, 0) END AS permissions_answered,
    CASE WHEN happened.run_id IS NOT NULL THEN coalesce(called.permissions_rejected, 0) END AS permissions_rejected,
    CASE
        WHEN called.run_id IS NOT NULL THEN called.permission_wait_s
        WHEN happened.run_id IS NOT NULL THEN 0
    END AS permission_wait_s,
    coalesce(happened.has_events_before_end, false) AS has_events_before_end,
    happened.last_tool_call_id,
    last_tool.tool AS last_tool,
    last_tool.status AS last_tool_status
FROM
    attempt
    LEFT JOIN happened
        ON attempt.project_id = happened.project_id
        AND attempt.run_id = happened.run_id
        AND attempt.attempt = happened.attempt
    LEFT JOIN counted
        ON attempt.project_id = counted.project_id
        AND attempt.run_id = counted.run_id
        AND attempt.attempt = counted.attempt
    LEFT JOIN heard
        ON attempt.project_id = heard.project_id
        AND attempt.run_id = heard.run_id
        AND attempt.attempt = heard.attempt
    LEFT JOIN called
        ON attempt.project_id = called.project_id
        AND attempt.run_id = called.run_id
        AND attempt.attempt = called.attempt
    LEFT JOIN last_tool
        ON attempt.project_id = last_tool.project_id
        AND attempt.run_id = last_tool.run_id
        AND attempt.attempt = last_tool.attempt
