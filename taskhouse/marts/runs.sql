-- One row per run, as it was seen last, and how far its events are kept.
SELECT
    run.project_id,
    run.task_id,
    run.run_id,
    run.status,
    run.environment,
    run.runtime_adapter,
    run.provider,
    run.model,
    run.reasoning_effort,
    run.stage,
    run.branch,
    run.pr_url,
    run.error_message,
    run.resume_from_run_id,
    run.created_at,
    run.updated_at,
    run.completed_at,
    date_diff('millisecond', run.created_at, run.completed_at) / 1000 AS duration_s,
    run.valid_from AS changed_at,
    run.payload
FROM
    main.run_history AS run
WHERE
    run.is_current
