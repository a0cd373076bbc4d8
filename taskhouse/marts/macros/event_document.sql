-- The JSON of an event's or a row's text, or NULL if the text is not JSON; this never fails, as in
-- `event_document(payload) ->> '$.status'`. DuckDB refuses JSON with a lone surrogate, which real agents emit, so every
-- surrogate escape of such a text is replaced by U+FFFD. Without this macro, one such row fails a query of all rows.
CREATE MACRO main.event_document(payload) AS
    CASE
        WHEN json_valid(payload) THEN payload
        WHEN json_valid(regexp_replace(payload, '\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '\\ufffd', 'g'))
            THEN regexp_replace(payload, '\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '\\ufffd', 'g')
    END
