-- Entries whose place in the run's own log is not known: kept with their text, once, until the log is proved.
INSERT INTO ledger.quarantine BY NAME
SELECT DISTINCT ON (record_key, payload)
    'run_log' AS resource,
    staged.project_id,
    staged.run_id AS record_key,
    'the place of this entry in the run''s own log is not known' AS reason,
    staged.facts AS payload,
    $now AS first_seen_at,
    staged.segment AS brought_by
FROM
    staged
WHERE
    staged.line_kind = 'unplaced'
    AND NOT EXISTS (
        SELECT 1
        FROM ledger.quarantine AS held
        WHERE
            held.resource = 'run_log'
            AND held.record_key = staged.run_id
            AND held.payload = staged.facts
    )
RETURNING
    brought_by
