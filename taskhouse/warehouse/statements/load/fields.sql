-- What an event's text says in the places that become columns; NULL if the text is not JSON that DuckDB reads.
CREATE OR REPLACE TEMP MACRO fields(document) AS
    TRY(
        json_extract_string(
            document,
            [
                '$.type',
                '$.timestamp',
                '$.event_id',
                '$.first_event_id',
                '$.notification.method',
                '$.notification.params.update.sessionUpdate',
                '$.notification.params.update.toolCallId',
                '$.notification.params.toolCallId',
                '$.toolCall.toolCallId',
                '$.event.type',
                '$.updated_at'
            ]
        )
    )
