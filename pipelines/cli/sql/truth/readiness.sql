SELECT
    repository,
    window_days,
    overall,
    classification,
    core_suggestions_state,
    replay_insights_state,
    error_insights_state,
    files_scanned
FROM
    main.readiness
WHERE
    project_id = $project_id
