-- Every day of every repository and window.
SELECT
    project_id,
    repository,
    window_days,
    day,
    overall,
    readiness_score,
    evidence,
    classification,
    is_break,
    days_in_state
FROM
    report_trend
WHERE
    day BETWEEN $since AND $until
ORDER BY
    project_id,
    repository,
    window_days,
    day
