-- One row per snapshot of a repository's readiness over one window: every stored answer, with or without information.
-- Key: `project_id`, `repository`, `window_days`, `observed_at`.
--
-- project_id: The PostHog project.
-- repository: `organization/repository`, in lower case.
-- window_days: Number of days of data that the server looked at.
-- generated_at: When the server created the answer. A cached answer is not a second snapshot.
-- observed_at: When it was requested.
-- overall: `ready`, `partial`, `detected`, `needs_setup` or `unknown`, as the server reports it, even without a scan.
-- classification: Kind of repository, according to the server.
-- excluded: Whether the server excludes such repositories.
-- core_suggestions_state: State of the core suggestions.
-- replay_insights_state: State of the replay insights.
-- error_insights_state: State of the error insights, which the server judges for the whole project.
-- evidence_task_count: Session summary tasks about the repository inside the window.
-- evidence: What the answer is based on: `scan`; or `empty_scan` (an unknown repository, an outage and a rate limit
--   look alike), `no_integration`, `no_token`, `none`, which mean no information.
-- files_scanned: Files that the server read.
-- detected_files_count: Files that it found relevant.
-- event_name_count: Number of event names that it found in them.
-- payload: The answer as JSON, with the reason and evidence of each state. Query it
--   through `event_document`.
-- pass_id: The pass that requested it.
SELECT
    project_id,
    repository,
    window_days,
    generated_at,
    observed_at,
    overall,
    classification,
    excluded,
    core_suggestions_state,
    replay_insights_state,
    error_insights_state,
    evidence_task_count,
    evidence,
    files_scanned,
    detected_files_count,
    event_name_count,
    payload,
    pass_id
FROM
    raw.readiness_snapshots
