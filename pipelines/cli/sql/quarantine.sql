-- Records that could not be read, by what is wrong with them.
SELECT
    project_id,
    resource,
    reason,
    count(*) AS records,
    max(first_seen_at) AS newest
FROM
    ledger.quarantine
GROUP BY
    project_id,
    resource,
    reason
ORDER BY
    records DESC
LIMIT 20
