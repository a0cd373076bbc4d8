DELETE FROM raw.run_log_entries USING contested
WHERE
    raw.run_log_entries.project_id = contested.project_id
    AND raw.run_log_entries.run_id = contested.run_id
    AND raw.run_log_entries.position = contested.position
    AND contested.counts
    AND NOT contested.held
RETURNING
    raw.run_log_entries.segment,
    raw.run_log_entries.run_id,
    raw.run_log_entries.position,
    raw.run_log_entries.payload
