-- An event too large to keep leaves a mark with its id and its size, once.
INSERT INTO ledger.quarantine BY NAME
SELECT DISTINCT ON (record_key)
    'run_events' AS resource,
    staged.project_id,
    staged.run_id || '@' || coalesce(staged.stream_id, '') AS record_key,
    'an event of ' || staged.facts || ' bytes is more than is kept' AS reason,
    $now AS first_seen_at,
    staged.segment AS brought_by
FROM
    staged
WHERE
    staged.line_kind = 'oversize'
    AND NOT EXISTS (
        SELECT 1
        FROM ledger.quarantine AS held
        WHERE
            held.resource = 'run_events'
            AND held.record_key = staged.run_id || '@' || coalesce(staged.stream_id, '')
            AND held.reason LIKE 'an event of %'
    )
RETURNING
    brought_by
