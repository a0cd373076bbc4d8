-- One row per version of a run: what it looked like from valid_from until valid_to.
--
-- project_id: The PostHog project.
-- task_id: The task that the run belongs to.
-- run_id: The run.
-- status: `not_started`, `queued`, `in_progress`, `completed`, `failed` or `cancelled`; a finished run can be reopened.
-- environment: `local` or `cloud`.
-- stage: What the run was for, in the server's free words.
-- branch: The branch that it works on.
-- runtime_adapter: The agent: `claude`, `codex`; NULL where the server does not say.
-- provider: Whose model.
-- model: The model.
-- reasoning_effort: How hard it was to think.
-- pr_url: The pull request that it says it made, in its own row.
-- error_message: Why it failed, in the server's words.
-- resume_from_run_id: The run that it went on from.
-- created_at: When the server made it.
-- updated_at: When the server says it changed; ending a run does not move it.
-- completed_at: When it ended.
-- pr_state: State of that pull request: `open`, `draft`, `merged`, `closed` or `unknown`; NULL where
--   the server does not say.
-- scheduled_at: When it is to begin, if it waits for a time in `not_started`.
-- observed_in: What told of this version: `task`, `runs` or `run`.
-- valid_from: When it was first seen; the change came between the look before and this one.
-- valid_to: When the next version was seen; NULL for the newest.
-- is_current: Whether it is the newest.
-- payload: The run as JSON, without secrets and signed addresses.
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
    version AS (PARTITION BY project_id, run_id ORDER BY valid_from)
