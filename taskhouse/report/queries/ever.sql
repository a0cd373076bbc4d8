-- Repositories that readiness was requested of by the end of a day, also those that are no longer there.
SELECT
    count(DISTINCT (project_id, repository)) AS repositories
FROM
    report_trend
WHERE
    day <= $until
