-- `FROM run_as_of(TIMESTAMPTZ '2026-01-31 12:00:00+00')`: one row per run that had been seen by a given time, in its
-- state at that time.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- run_id: The run.
-- as_of: The requested time.
-- status: Its state.
-- environment: `local` or `cloud`.
-- stage: Purpose of the run.
-- branch: Its branch.
-- runtime_adapter: The agent.
-- provider: Provider of the model.
-- model: The model.
-- reasoning_effort: Reasoning effort of the model.
-- pr_url: The pull request that it names as its own.
-- error_message: Why it failed.
-- resume_from_run_id: The run that it continued.
-- created_at: When the server created it.
-- updated_at: When the server says it changed.
-- completed_at: When it ended.
-- valid_from: When this version was first seen.
-- payload: The run as JSON, without secrets and signed addresses.
CREATE MACRO main.run_as_of(moment) AS TABLE
    SELECT
        project_id,
        task_id,
        run_id,
        CAST(moment AS TIMESTAMPTZ) AS as_of,
        status,
        environment,
        stage,
        branch,
        runtime_adapter,
        provider,
        model,
        reasoning_effort,
        pr_url,
        error_message,
        resume_from_run_id,
        created_at,
        updated_at,
        completed_at,
        valid_from,
        payload
    FROM
        main.run_history
    WHERE
        valid_from <= CAST(moment AS TIMESTAMPTZ)
        AND (valid_to IS NULL OR valid_to > CAST(moment AS TIMESTAMPTZ))
