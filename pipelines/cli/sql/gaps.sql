-- Gaps in run events by project; `kinds` counts those that the log did not fill.
SELECT
    project_id,
    count(*) AS gaps,
    count(*) FILTER (NOT repaired_from_log) AS unfilled,
    coalesce(histogram(coalesce(kind, 'unknown')) FILTER (NOT repaired_from_log), MAP {}) AS kinds
FROM
    ledger.gaps
GROUP BY
    project_id
ORDER BY
    project_id
