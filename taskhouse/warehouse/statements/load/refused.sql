-- A line of a segment that DuckDB refuses to load, with its text.
INSERT INTO ledger.quarantine BY NAME
SELECT
    $resource AS resource,
    $project_id AS project_id,
    $record_key AS record_key,
    $reason AS reason,
    $payload AS payload,
    $now AS first_seen_at,
    $segment AS brought_by
