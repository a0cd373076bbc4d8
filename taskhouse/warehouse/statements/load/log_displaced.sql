-- What another reading of a log put in place of what was held, or of what came in the same batch: kept in quarantine, once,
-- and settled there by the entry that replaces it.
INSERT INTO ledger.quarantine BY NAME
WITH displaced AS (
    SELECT
        project_id,
        run_id,
        position,
        held_payload AS payload,
        held_segment AS brought_by
    FROM
        contested
    WHERE
        counts
        AND NOT held
        AND held_payload IS NOT NULL
    UNION ALL
    SELECT
        project_id,
        run_id,
        position,
        payload,
        segment AS brought_by
    FROM
        contested
    WHERE
        NOT counts
        AND payload <> final_payload
        AND payload IS DISTINCT FROM held_payload
)

SELECT DISTINCT ON (record_key, payload)
    'run_log' AS resource,
    project_id,
    run_id || '@' || position AS record_key,
    'the log holds another text at this position' AS reason,
    payload,
    $now AS first_seen_at,
    $now AS replayed_at,
    'superseded' AS outcome,
    brought_by
FROM
    displaced
WHERE
    NOT EXISTS (
        SELECT 1
        FROM ledger.quarantine AS known
        WHERE
            known.resource = 'run_log'
            AND known.record_key = displaced.run_id || '@' || displaced.position
            AND known.payload = displaced.payload
    )
ORDER BY
    record_key,
    payload
RETURNING
    brought_by
