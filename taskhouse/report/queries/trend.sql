-- The trend of every repository asked for, once: the other queries read this.
CREATE OR REPLACE TEMP TABLE report_trend AS
SELECT
    project_id,
    repository,
    window_days,
    day,
    overall,
    readiness_score::DOUBLE AS readiness_score,
    evidence,
    classification,
    segment,
    days_in_state,
    coalesce(is_break, false) AS is_break
FROM
    main.readiness_trend
WHERE
    ($projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
    AND ($pattern IS NULL OR repository GLOB $pattern)
