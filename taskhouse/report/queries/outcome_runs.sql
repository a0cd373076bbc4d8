-- Runs by the day on which they began, in the repository that they began in: each run counts once, by its first end.
CREATE OR REPLACE TEMP TABLE outcome_runs AS
SELECT
    project_id,
    at_start.repository AS repository,
    main.day_of(began_at) AS day,
    count(*) AS runs,
    count(*) FILTER (WHERE status = 'completed') AS completed
FROM
    main.run_attempts
WHERE
    attempt = 1
    AND ended_at < main.day_start($until::DATE + 1)
    AND began_at IS NOT NULL
    AND at_start.repository IS NOT NULL
    AND ($projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
GROUP BY
    ALL
