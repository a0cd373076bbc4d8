-- One row per version of a run: its state from valid_from until valid_to.
-- Key: `project_id`, `run_id`, `valid_from`.
--
-- project_id: The PostHog project.
-- task_id: The task that the run belongs to.
-- run_id: The run.
-- status: `not_started`, `queued`, `in_progress`, `completed`, `failed` or `cancelled`; a finished run can be reopened.
-- environment: `local` or `cloud`.
-- stage: Purpose of the run, as free text from the server.
-- branch: Its branch.
-- runtime_adapter: The agent, such as `claude` or `codex`; NULL if the server does not say.
-- provider: Provider of the model.
-- model: The model.
-- reasoning_effort: Reasoning effort of the model.
-- pr_url: The pull request that the run's own row names.
-- error_message: Why it failed, as the server says.
-- resume_from_run_id: The run that it continued.
-- created_at: When the server created it.
-- updated_at: When the server says it changed. The end of the run does not count.
-- completed_at: When it ended.
-- pr_state: State of that pull request: `open`, `draft`, `merged`, `closed` or `unknown`; NULL if the server does not
--   say.
-- scheduled_at: When it is scheduled to begin, if it is `not_started` for that reason.
-- observed_in: Source of this version: `task`, `runs` or `run`.
-- valid_from: When it was first seen. The change happened between the previous look and this one.
-- valid_to: When the next version was seen; NULL for the newest.
-- is_current: Whether it is the newest.
-- payload: The run as JSON, without secrets and signed addresses. Query it through `event_document`.
-- pass_id: The pass that saw it.
SELECT
    * EXCLUDE (content_hash, payload_sha256, page, observed_in, valid_from, pass_id, payload),
    observed_in,
    valid_from,
    lead(valid_from) OVER version AS valid_to,
    lead(valid_from) OVER version IS NULL AS is_current,
    payload,
    pass_id
FROM
    raw.run_versions
WINDOW
    version AS (PARTITION BY project_id, run_id ORDER BY valid_from ASC)
