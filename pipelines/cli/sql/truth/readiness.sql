SELECT
    repository,
    window_days,
    epoch_us(generated_at) AS generated_us,
    overall,
    classification,
    core_suggestions_state,
    replay_insights_state,
    error_insights_state,
    files_scanned
FROM
    raw.readiness_snapshots
WHERE
    project_id = $project_id
