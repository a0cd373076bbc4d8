-- The same of versions that are older than the column; a state that was hidden with the texts is not known. DuckDB
-- refuses JSON with a lone surrogate, so every surrogate escape of such a payload is replaced by U+FFFD.
UPDATE raw.run_versions AS version
SET
    pr_state = CASE
        WHEN json_extract_string(kept.document, '$.output.pr_merged') = 'true' THEN 'merged'
        WHEN json_extract_string(kept.document, '$.output.pr_state') NOT LIKE '[text %'
            THEN json_extract_string(kept.document, '$.output.pr_state')
    END
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
            pr_url IS NOT NULL
    ) AS kept
WHERE
    version.rowid = kept.place
