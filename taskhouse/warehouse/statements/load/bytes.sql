-- The exact bytes of events whose text is not what came, since they are not UTF-8: in quarantine, once.
INSERT INTO ledger.quarantine BY NAME
SELECT DISTINCT ON (record_key, payload)
    $resource AS resource,
    staged.project_id,
    staged.run_id || '@' || coalesce(staged.stream_id, CAST(staged.position AS VARCHAR), '') AS record_key,
    'the event is not UTF-8: its text is stored with U+FFFD in place of what is not, and its bytes in hexadecimal here'
        AS reason,
    staged.facts AS payload,
    $now AS first_seen_at,
    $now AS replayed_at,
    'kept' AS outcome,
    staged.segment AS brought_by
FROM
    staged
WHERE
    staged.line_kind = 'bytes'
    AND NOT EXISTS (
        SELECT 1
        FROM ledger.quarantine AS held
        WHERE
            held.resource = $resource
            AND held.record_key = staged.run_id || '@' || coalesce(staged.stream_id, CAST(staged.position AS VARCHAR), '')
            AND held.payload = staged.facts
    )
RETURNING
    brought_by
