-- The same of versions that are older than the column. DuckDB refuses JSON with a lone surrogate, so every surrogate
-- escape of such a payload is replaced by U+FFFD.
UPDATE raw.run_versions AS version
SET
    scheduled_at = TRY_CAST(json_extract_string(kept.document, '$.scheduled_at') AS TIMESTAMPTZ)
FROM
    (
        SELECT
            rowid AS place,
            CASE
                WHEN json_valid(payload) THEN payload
                WHEN json_valid(regexp_replace(payload, '\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '\\ufffd', 'g'))
                    THEN regexp_replace(payload, '\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '\\ufffd', 'g')
            END AS document
        FROM
            raw.run_versions
        WHERE
            status = 'not_started'
    ) AS kept
WHERE
    version.rowid = kept.place
