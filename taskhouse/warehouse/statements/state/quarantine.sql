-- Bad records that wait for a version that can read them.
SELECT
    resource,
    record_key,
    reason,
    pointer,
    payload,
    first_seen_at
FROM
    ledger.quarantine
WHERE
    project_id = $project_id
    AND replayed_at IS NULL
ORDER BY
    first_seen_at
