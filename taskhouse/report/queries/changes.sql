-- Changes of state after one day and up to another, with their causes: the view `readiness_changes` over the days of
-- `changes_recent`.
SELECT
    project_id,
    repository,
    day,
    from_state,
    to_state,
    direction,
    capability,
    capability_from,
    capability_to,
    reason,
    capability_evidence,
    cause,
    cause_id,
    changed_after,
    classification_from,
    classification_to
FROM
    report_changes
WHERE
    day > $base
    AND day <= $until
    AND ($projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
    AND ($pattern IS NULL OR repository GLOB $pattern)
    AND ($names IS NULL OR repository IN (SELECT unnest($names::VARCHAR[])))
ORDER BY
    day,
    project_id,
    repository
