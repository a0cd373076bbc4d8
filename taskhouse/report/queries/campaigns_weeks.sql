-- The last known state of each repository at the end of some days, over some windows: those of the campaigns.
SELECT
    project_id,
    repository,
    window_days,
    day,
    overall_carried AS state
FROM
    report_trend
WHERE
    list_contains($windows::INTEGER[], window_days)
    AND list_contains($days::DATE[], day)
    AND overall_carried IN ('needs_setup', 'detected', 'partial', 'ready')
    AND ($projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
    AND ($pattern IS NULL OR repository GLOB $pattern)
    AND ($names IS NULL OR repository IN (SELECT unnest($names::VARCHAR[])))
ORDER BY
    day,
    project_id,
    repository
