-- The same of versions that are older than the column.
UPDATE raw.run_versions
SET
    scheduled_at = TRY_CAST(json_extract_string(payload, '$.scheduled_at') AS TIMESTAMPTZ)
WHERE
    status = 'not_started'
