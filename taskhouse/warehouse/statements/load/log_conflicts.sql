-- Entries at a position that holds another text: the log changed behind us. What is stored stays; the other text is kept
-- in quarantine, once.
INSERT INTO ledger.quarantine BY NAME
SELECT DISTINCT ON (record_key, payload)
    'run_log' AS resource,
    lines.project_id,
    lines.run_id || '@' || lines.position AS record_key,
    'the log holds another text at this position' AS reason,
    lines.payload,
    $now AS first_seen_at,
    lines.segment AS brought_by
FROM
    lines
    SEMI JOIN judged
        ON lines.line = judged.line
    INNER JOIN raw.run_log_entries AS stored
        ON lines.project_id = stored.project_id
        AND lines.run_id = stored.run_id
        AND lines.position = stored.position
        AND lines.payload <> stored.payload
WHERE
    NOT EXISTS (
        SELECT 1
        FROM ledger.quarantine AS held
        WHERE
            held.resource = 'run_log'
            AND held.record_key = lines.run_id || '@' || lines.position
            AND held.payload = lines.payload
    )
ORDER BY
    lines.line
RETURNING
    brought_by
