-- Records of a project that could not be read: all of them, and those that came since a moment.
SELECT
    count(*) AS total,
    count(*) FILTER (first_seen_at >= $since) AS new
FROM
    ledger.quarantine
WHERE
    project_id = $project_id
    AND list_contains($resources, resource)
