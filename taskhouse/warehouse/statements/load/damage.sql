INSERT INTO ledger.quarantine BY NAME
SELECT
    'spool' AS resource,
    $segment AS record_key,
    $reason AS reason,
    $now AS first_seen_at,
    $segment AS brought_by
