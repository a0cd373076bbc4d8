-- The trend of every repository that the report is about, once: the other queries read this.
CREATE OR REPLACE TEMP TABLE report_trend AS
SELECT
    project_id,
    repository,
    window_days,
    day,
    overall,
    overall_carried,
    readiness_score::DOUBLE AS readiness_score,
    evidence,
    classification,
    state_since,
    days_in_state,
    generated_at,
    observed_at,
    coalesce(is_break, false) AS is_break
FROM
    main.readiness_trend
WHERE
    ($projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
    AND ($pattern IS NULL OR repository GLOB $pattern)
    AND ($names IS NULL OR repository IN (SELECT unnest($names::VARCHAR[])))
