-- Whose key each project was seen through last.
SELECT
    project_id,
    arg_max(viewer, started_at) AS viewer
FROM
    ledger.passes
WHERE
    viewer IS NOT NULL
    AND ($projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
GROUP BY
    project_id
ORDER BY
    project_id
