-- Runs by the day on which they began, in the repository that they began in: each run counts once, by its first end.
CREATE OR REPLACE TEMP TABLE outcome_runs AS
SELECT
    project_id,
    began_in AS repository,
    began_day AS day,
    count(*) AS runs,
    count(*) FILTER (WHERE status = 'completed') AS completed
FROM
    report_attempts
WHERE
    attempt = 1
    AND ended_day <= $until
    AND began_day IS NOT NULL
    AND began_in IS NOT NULL
    AND ($projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
GROUP BY
    ALL
