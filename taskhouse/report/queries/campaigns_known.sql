-- Repositories with readiness by window, each with the first day of it.
SELECT
    repository,
    window_days,
    min(main.day_of(observed_at)) AS first_day
FROM
    main.readiness
WHERE
    evidence = 'scan'
    AND ($projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
    AND ($pattern IS NULL OR repository GLOB $pattern)
    AND ($names IS NULL OR repository IN (SELECT unnest($names::VARCHAR[])))
GROUP BY
    ALL
