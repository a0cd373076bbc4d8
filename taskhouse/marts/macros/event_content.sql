-- The content of an event without its envelope, in a form that is the same for the live stream and the log, which stamp
-- the envelope at different times and write JSON differently. If the text is not JSON, the text itself.
CREATE MACRO main.event_content(payload) AS
    coalesce(
        CAST(
            coalesce(
                json_extract(main.event_document(payload), '$.notification'),
                json_extract(main.event_document(payload), '$.event'),
                json_extract(main.event_document(payload), '$')
            ) AS VARCHAR
        ),
        payload
    )
