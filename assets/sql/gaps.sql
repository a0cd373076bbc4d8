-- Holes in a project's run events: all of them, those that the log did not fill, and those found since a moment.
SELECT
    count(*) AS total,
    count(*) FILTER (NOT repaired_from_log) AS unfilled,
    count(*) FILTER (NOT repaired_from_log AND detected_at >= $since) AS new
FROM
    ledger.gaps
WHERE
    project_id = $project_id
