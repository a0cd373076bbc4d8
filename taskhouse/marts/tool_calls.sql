-- One row per tool call of a run: with its updates from both layers merged field by field; the last value wins.
-- Key: `project_id`, `run_id`, `tool_call_id`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- run_id: The run.
-- tool_call_id: The agent's id of the call.
-- tool_name: The agent's name of the tool (`_meta.claudeCode.toolName`); codex and pi have none.
-- kind: `read`, `edit`, `delete`, `move`, `search`, `execute`, `think`, `fetch`, `switch_mode` or `other`.
-- title: Its title.
-- status: `pending`, `in_progress`, `completed` or `failed`.
-- started_at: When it first appeared.
-- ended_at: When it was first `completed` or `failed`; NULL while it is neither.
-- duration_s: Seconds between the two, including the wait for a permission.
-- exit_code: Exit code of its terminal.
-- is_error: Whether it failed or its output reports an error; NULL while it is running and reports no error.
-- error_message: What went wrong, according to the agent.
-- paths: Paths that it names as locations or as edited, sorted and without duplicates.
-- parent_tool_call_id: The call of the sub-agent that made it.
-- permission_asked: Whether the user was asked.
-- permission_decision: What the user chose: `allow_once`, `allow_always`, `reject_once`, … or the option's id if the
--   agent offered no such kind; `denied` if only the refusal was captured.
-- permission_wait_s: Seconds from the question to the answer.
-- updates: Number of events about it.
-- known_at: When the last of them was read; of an event in both layers, the live one counts.
-- layer: Layer that has its events: `both`, `live` or `log`.
WITH entry AS (
    SELECT
        project_id,
        task_id,
        run_id,
        tool_call_id,
        layer,
        method,
        occurred_at,
        received_at,
        row_number() OVER (
            PARTITION BY project_id, task_id, run_id, tool_call_id
            ORDER BY occurred_at ASC, stream_ms ASC, stream_seq ASC, incarnation ASC, position ASC
        ) AS nth,
        main.event_document(payload) AS document
    FROM
        main.events_once
    WHERE
        tool_call_id IS NOT NULL
),

read AS (
    SELECT
        *,
        json_extract_string(
            document,
            [
                '$.notification.params.update._meta.claudeCode.toolName',
                '$.notification.params.update.kind',
                '$.notification.params.update.title',
                '$.notification.params.update.status',
                '$.notification.params.update._meta.terminal_exit.exit_code',
                '$.notification.params.update.rawOutput.isError',
                '$.notification.params.update.error',
                '$.notification.params.update.decisionReason',
                '$.notification.params.update._meta.claudeCode.parentToolCallId',
                '$.event.toolCall.kind',
                '$.event.toolCall.title',
                '$.event.toolCall.status',
                '$.toolCall.kind',
                '$.toolCall.title',
                '$.notification.params.toolCall.kind',
                '$.notification.params.toolCall.title',
                '$.notification.params.optionId'
            ]
        ) AS field,
        list_concat(
            json_extract_string(document, '$.notification.params.update.locations[*].path'),
            json_extract_string(document, '$.notification.params.update.content[*].path')
        ) AS paths,
        CASE
            WHEN method = '_posthog/permission_request'
                THEN list_zip(
                    json_extract_string(
                        coalesce(
                            json_extract(document, '$.options'), json_extract(document, '$.notification.params.options')
                        ),
                        '$[*].optionId'
                    ),
                    json_extract_string(
                        coalesce(
                            json_extract(document, '$.options'), json_extract(document, '$.notification.params.options')
                        ),
                        '$[*].kind'
                    )
                )
        END AS options
    FROM
        entry
),

merged AS (
    SELECT
        project_id,
        task_id,
        run_id,
        tool_call_id,
        arg_max(field[1], nth) AS tool_name,
        arg_max(coalesce(field[2], field[10], field[13], field[15]), nth) AS kind,
        arg_max(coalesce(field[3], field[11], field[14], field[16]), nth) AS title,
        arg_max(coalesce(field[4], field[12]), nth) AS status,
        min(occurred_at) AS started_at,
        min(occurred_at) FILTER (WHERE coalesce(field[4], field[12]) IN ('completed', 'failed')) AS ended_at,
        TRY_CAST(arg_max(field[5], nth) AS INTEGER) AS exit_code,
        TRY_CAST(arg_max(field[6], nth) AS BOOLEAN) AS says_error,
        arg_max(coalesce(field[7], field[8]), nth) AS error_message,
        arg_max(field[9], nth) AS parent_tool_call_id,
        arg_max(field[8], nth) AS denial,
        list_sort(list_distinct(flatten(list(paths))), 'ASC') AS paths,
        bool_or(method IS NOT DISTINCT FROM '_posthog/permission_request') AS permission_asked,
        min(occurred_at) FILTER (WHERE method = '_posthog/permission_request') AS asked_at,
        max(occurred_at) FILTER (
            WHERE method IN ('_posthog/permission_resolved', '_posthog/permission_response')
        ) AS answered_at,
        arg_max(field[17], nth) AS option_id,
        arg_max(options, nth) AS options,
        count(*) AS updates,
        max(received_at) AS known_at,
        CASE WHEN min(layer) = max(layer) THEN min(layer) ELSE 'both' END AS layer
    FROM
        read
    GROUP BY
        project_id,
        task_id,
        run_id,
        tool_call_id
)

SELECT
    project_id,
    task_id,
    run_id,
    tool_call_id,
    tool_name,
    kind,
    main.plain_text(title) AS title,
    status,
    started_at,
    ended_at,
    date_diff('millisecond', started_at, ended_at) / 1000 AS duration_s,
    exit_code,
    CASE WHEN ended_at IS NOT NULL OR says_error THEN status = 'failed' OR coalesce(says_error, false) END AS is_error,
    main.plain_text(error_message) AS error_message,
    list_transform(list_filter(paths, lambda path: path IS NOT NULL), lambda path: main.plain_text(path)) AS paths,
    parent_tool_call_id,
    permission_asked,
    coalesce(
        list_filter(options, lambda choice: choice[1] = option_id)[1][2],
        option_id,
        CASE WHEN denial IS NOT NULL THEN 'denied' END
    ) AS permission_decision,
    date_diff('millisecond', asked_at, answered_at) / 1000 AS permission_wait_s,
    updates,
    known_at,
    layer
FROM
    merged
