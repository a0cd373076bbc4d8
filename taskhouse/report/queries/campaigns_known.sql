-- Repositories with readiness, each with the first day of it.
SELECT
    project_id,
    repository,
    min(day) AS first_day
FROM
    main.readiness_trend
WHERE
    overall IS NOT NULL
    AND ($projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
    AND ($pattern IS NULL OR repository GLOB $pattern)
    AND ($names IS NULL OR repository IN (SELECT unnest($names::VARCHAR[])))
GROUP BY
    ALL
