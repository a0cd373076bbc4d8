-- The JSON to read from an event's or a row's text, NULL if there is none: reading it never fails. DuckDB's JSON
-- refuses a lone surrogate, which real agents emit; such a text is read through a copy in which every surrogate escape
-- is U+FFFD.
CREATE MACRO main.event_document(payload) AS
    CASE
        WHEN json_valid(payload) THEN payload
        WHEN json_valid(regexp_replace(payload, '\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '\\ufffd', 'g'))
            THEN regexp_replace(payload, '\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '\\ufffd', 'g')
    END
