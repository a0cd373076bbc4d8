-- The content of an event as plain text, NULL if it has none: the text of a message, the title of a tool call, the line
-- of a console, the label of a step, a state, a reason. A value that is not text is shown as JSON.
CREATE MACRO main.event_text(payload) AS
    main.plain_text(
        coalesce(
            json_extract_string(main.event_document(payload), '$.notification.params.update.content.text'),
            list_any_value(
                json_extract_string(
                    main.event_document(payload),
                    [
                        '$.event.content.text',
                        '$.event.content[0].text',
                        '$.notification.params.update.title',
                        '$.notification.params.update.message',
                        '$.event.toolCall.title',
                        '$.notification.params.prompt[0].text',
                        '$.notification.params.message',
                        '$.notification.params.error',
                        '$.notification.params.label',
                        '$.notification.params.summary',
                        '$.notification.params.stdout',
                        '$.notification.params.content',
                        '$.notification.params.toolCall.title',
                        '$.toolCall.title',
                        '$.notification.params.stopReason',
                        '$.notification.result.stopReason',
                        '$.event.stopReason',
                        '$.notification.params.status',
                        '$.notification.params.optionId',
                        '$.status'
                    ]
                )
            )
        )
    )
