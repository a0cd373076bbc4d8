-- Records of a project that could not be read and were not closed since: all of them, and those that came since a
-- moment. Damage in the spool names no project, and may be of any.
SELECT
    count(*) AS total,
    count(*) FILTER (first_seen_at >= $since) AS new
FROM
    ledger.quarantine
WHERE
    (project_id = $project_id OR project_id IS NULL)
    AND list_contains($resources, resource)
    AND replayed_at IS NULL
