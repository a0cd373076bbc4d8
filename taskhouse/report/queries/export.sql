-- Every day of every repository and window.
SELECT
    project_id,
    repository,
    window_days,
    day,
    overall,
    readiness_score::DOUBLE AS readiness_score,
    evidence,
    classification,
    coalesce(is_break, false) AS is_break,
    days_in_state
FROM
    main.readiness_trend
WHERE
    day BETWEEN $since AND $until
    AND ($projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
    AND ($pattern IS NULL OR repository GLOB $pattern)
    AND ($names IS NULL OR repository IN (SELECT unnest($names::VARCHAR[])))
ORDER BY
    project_id,
    repository,
    window_days,
    day
