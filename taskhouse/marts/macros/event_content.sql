-- What an event says, without its envelope, in one spelling: the same in the live stream and in the log, which stamp
-- the envelope at different times and write JSON differently. The text itself where it is not JSON.
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
