-- The trend of every repository of the projects, once: the other queries read this. `is_wanted` says which of them the
-- report is about.
CREATE OR REPLACE TEMP TABLE report_readiness AS
SELECT
    project_id,
    repository,
    window_days,
    day,
    overall,
    overall_carried,
    evidence,
    classification,
    state_since,
    segment,
    generated_at,
    observed_at,
    coalesce(is_break, false) AS is_break,
    ($pattern IS NULL OR repository GLOB $pattern)
    AND ($names IS NULL OR repository IN (SELECT unnest($names::VARCHAR[]))) AS is_wanted
FROM
    main.readiness_trend
WHERE
    $projects IS NULL
    OR project_id IN (SELECT unnest($projects::BIGINT[]))
