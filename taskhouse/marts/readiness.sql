-- One row per snapshot of a repository's readiness over one window: every answer that is kept, informed or not.
--
-- project_id: The PostHog project.
-- repository: `organization/repository`, in lower case.
-- window_days: Days that the server looked back for data.
-- generated_at: When the server made the answer; an answer from its cache is no second snapshot.
-- observed_at: When it was asked for.
-- overall: `ready`, `partial`, `detected`, `needs_setup` or `unknown`, as the server says, even without a scan.
-- classification: What kind of repository the server took it for.
-- excluded: Whether the server leaves such repositories out.
-- core_suggestions_state: State of the core suggestions.
-- replay_insights_state: State of the replay insights.
-- error_insights_state: State of the error insights, which the server judges for the whole project.
-- evidence_task_count: Session summary tasks about the repository inside the window.
-- evidence: What the answer rests on: `scan`; or `empty_scan` (an unknown repository, an outage and a rate limit look
--   alike), `no_integration`, `no_token`, `none`, which are no information.
-- files_scanned: Files that the server read.
-- detected_files_count: Files that it found worth reading.
-- event_name_count: Names of events that it found in them.
-- payload: The answer as JSON, with the reason and evidence of each state.
-- pass_id: The pass that asked.
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
