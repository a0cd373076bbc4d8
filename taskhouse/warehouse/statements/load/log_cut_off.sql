-- The entries beyond the end of a log: they stand in the log at other positions, and are kept in quarantine besides.
INSERT INTO ledger.quarantine BY NAME
SELECT
    'run_log' AS resource,
    entry.project_id,
    entry.run_id || '@' || entry.position AS record_key,
    'the log ends before this position' AS reason,
    entry.payload,
    $now AS first_seen_at,
    $now AS replayed_at,
    'superseded' AS outcome,
    entry.segment AS brought_by
FROM
    raw.run_log_entries AS entry
    INNER JOIN cuts USING (project_id, run_id)
WHERE
    entry.position >= cuts.position
    AND entry.received_at < cuts.before
