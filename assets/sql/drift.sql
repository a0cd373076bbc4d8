-- Fields and values that taskhouse did not know: all of them, and those that came since a moment.
SELECT
    count(*) AS total,
    count(*) FILTER (first_seen_at >= $since) AS new,
    string_agg(DISTINCT path, ', ' ORDER BY path) FILTER (first_seen_at >= $since) AS paths
FROM
    ledger.drift
WHERE
    project_id = $project_id
    AND list_contains($resources, resource)
