-- The events of the run in order, without the pieces of messages, which `messages` has whole.
SELECT
    ordinal,
    epoch_ms(occurred_at) AS at,
    kind,
    method,
    session_update,
    tool_call_id,
    CASE WHEN strlen(payload) <= $most THEN payload END AS payload,
    strlen(payload) AS bytes,
    main.text_hidden(redacted, payload) AS is_hidden
FROM
    run_timeline
WHERE
    project_id = $project
    AND run_id = $run
    AND NOT coalesce(
        kind IN ('notification', 'pi_event')
        AND regexp_full_match(session_update, '(agent|assistant|user)_(message|thought)(_chunk)?'),
        false
    )
ORDER BY
    ordinal
