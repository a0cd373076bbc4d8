-- Records that could not be read, by what is wrong with them; those that were closed are no longer counted.
SELECT
    project_id,
    resource,
    kind,
    reason,
    count(*) AS records,
    max(first_seen_at) AS newest
FROM
    ledger.quarantine
WHERE
    replayed_at IS NULL
GROUP BY
    project_id,
    resource,
    kind,
    reason
ORDER BY
    records DESC
LIMIT 20
