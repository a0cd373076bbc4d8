-- The events of the run in order, without the pieces of messages, which `messages` has whole; of these, only such as
-- were kept without their texts.
SELECT
    run_id,
    ordinal,
    epoch_ms(occurred_at) AS at,
    kind,
    method,
    session_update,
    tool_call_id,
    CASE WHEN strlen(payload) <= $most THEN payload END AS payload,
    strlen(payload) AS bytes,
    main.text_hidden(redacted, payload) AS is_hidden,
    coalesce(
        kind IN ('notification', 'pi_event')
        AND regexp_full_match(session_update, '(agent|assistant|user)_(message|thought)(_chunk)?'),
        false
    ) AS is_message
FROM
    run_timeline
WHERE
    project_id = $project
    AND run_id = $run
    AND (NOT is_message OR is_hidden)
ORDER BY
    ordinal
