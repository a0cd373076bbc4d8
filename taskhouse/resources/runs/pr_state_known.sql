-- The same of versions that are older than the column; a state that was hidden with the texts is not known.
UPDATE raw.run_versions
SET
    pr_state = CASE
        WHEN json_extract_string(payload, '$.output.pr_merged') = 'true' THEN 'merged'
        WHEN json_extract_string(payload, '$.output.pr_state') NOT LIKE '[text %'
            THEN json_extract_string(payload, '$.output.pr_state')
    END
WHERE
    pr_url IS NOT NULL
