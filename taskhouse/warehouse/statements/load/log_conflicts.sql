-- Entries at a position that holds another text: the log changed behind us. Kept, and marked, once.
INSERT INTO ledger.quarantine BY NAME
SELECT DISTINCT ON (record_key, payload)
    'run_log' AS resource,
    typed.project_id,
    typed.run_id || '@' || typed.position AS record_key,
    'the log holds another text at this position' AS reason,
    typed.payload,
    $now AS first_seen_at,
    $segment AS brought_by
FROM
    typed
    INNER JOIN raw.run_log_entries AS stored
        ON typed.project_id = stored.project_id
        AND typed.run_id = stored.run_id
        AND typed.position = stored.position
        AND typed.payload <> stored.payload
WHERE
    NOT EXISTS (
        SELECT 1
        FROM ledger.quarantine AS held
        WHERE
            held.resource = 'run_log'
            AND held.record_key = typed.run_id || '@' || typed.position
            AND held.payload = typed.payload
    )
