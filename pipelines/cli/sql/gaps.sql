-- Holes in run events by project.
SELECT
    project_id,
    count(*) AS gaps,
    count(*) FILTER (NOT repaired_from_log) AS unfilled
FROM
    ledger.gaps
GROUP BY
    project_id
ORDER BY
    project_id
