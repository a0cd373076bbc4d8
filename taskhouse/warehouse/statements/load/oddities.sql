-- A text that is not JSON is stored like any other; the mark beside it says where to look.
INSERT INTO ledger.quarantine BY NAME
SELECT
    resource,
    project_id,
    record_key,
    'the event is not JSON that DuckDB reads; its text is stored with json_ok = false' AS reason,
    $now AS first_seen_at,
    segment AS brought_by
FROM (
    SELECT 'run_events' AS resource, project_id, run_id || '@' || coalesce(stream_id, '') AS record_key, segment
    FROM raw.run_events
    WHERE NOT json_ok AND received_at >= $since AND list_contains(getvariable('segments'), segment)
    UNION ALL
    SELECT 'run_log' AS resource, project_id, run_id || '@' || position AS record_key, segment
    FROM raw.run_log_entries
    WHERE NOT json_ok AND received_at >= $since AND list_contains(getvariable('segments'), segment)
)
