-- One row per run that has not ended and has not moved for an hour, of a task that is still there, with what it may be
-- waiting for.
-- Key: `project_id`, `run_id`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- run_id: The run.
-- repository: Repository of its task.
-- status: `not_started`, `queued` or `in_progress`.
-- environment: `local` or `cloud`.
-- model: The model.
-- created_at: When the server created it.
-- stuck_since: When it last changed: the newest time among the server's own time, its events, and its versions after
--   the first. A scheduled run counts from its scheduled time.
-- stuck_s: Seconds from `stuck_since` to the newest pass over tasks or runs here, never to the clock of the reader.
-- as_of: When that pass began.
-- stuck_reason: What it may be waiting for. `local`: the desktop drives it, and it waits in `queued` by design.
--   `not_picked_up`: queued in the cloud. `orphaned`: in progress for more than a day without a sign.
--   `waiting_for_user`: its last event asks for a permission, or its last turn ended. `silent`: in progress without a
--   sign for less than a day.
SELECT
    project_id,
    task_id,
    run_id,
    repository,
    status,
    environment,
    model,
    created_at,
    stuck_since,
    stuck_s,
    as_of,
    stuck_reason
FROM
    main.runs_stuck_as_of(TIMESTAMPTZ 'infinity')
