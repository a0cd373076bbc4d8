-- Length of a text of an event in Unicode characters. If `capture_text = none` stored only a mark of its length, the
-- length of the original.
CREATE MACRO main.text_length(plain, redacted, payload) AS
    coalesce(
        CASE
            WHEN main.text_hidden(redacted, payload)
                THEN TRY_CAST(regexp_extract(plain, '^\[text ([0-9]{1,9}) [0-9a-f]{16}\]$', 1) AS BIGINT)
        END,
        length(plain)
    )
