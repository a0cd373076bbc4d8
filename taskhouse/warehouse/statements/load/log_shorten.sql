DELETE FROM raw.run_log_entries USING cuts
WHERE
    raw.run_log_entries.project_id = cuts.project_id
    AND raw.run_log_entries.run_id = cuts.run_id
    AND raw.run_log_entries.position >= cuts.position
    AND raw.run_log_entries.received_at < cuts.before
RETURNING
    raw.run_log_entries.segment,
    raw.run_log_entries.run_id,
    raw.run_log_entries.position,
    raw.run_log_entries.payload
