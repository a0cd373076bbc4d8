-- The tool call that an event belongs to; events of the pi runtime have its id in another place.
CREATE MACRO main.event_tool_call(kind, session_update, tool_call_id, payload) AS
    CASE
        WHEN tool_call_id IS NULL AND kind = 'pi_event' AND starts_with(session_update, 'tool_call')
            THEN json_extract_string(main.event_document(payload), '$.event.toolCall.id')
        ELSE tool_call_id
    END
