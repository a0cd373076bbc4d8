-- One row per attempt of a run, from its start to its end. A finished run can be reopened, and each reopening begins
-- another attempt. Its repository, its model and everything else that describes it are those of the time it ended, so
-- the row of a finished attempt changes only if evidence arrives late.
-- Key: `project_id`, `run_id`, `attempt`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- run_id: The run.
-- attempt: Number of the attempt within the run, from 1.
-- is_last: Whether it is the newest attempt of its run.
-- status: How it ended: `completed`, `failed` or `cancelled`. The current state of an attempt that goes on:
--   `not_started`, `queued` or `in_progress`.
-- began_at: When it began: the time at which the run was created or, if that is later, scheduled to start, or at which
--   work was first seen before that; for a reopened run, the earliest sign of the reopening. It is never later than the
--   end, even if the clocks of the server differ. NULL if only a second end shows that the run was reopened, while a
--   run waits for its scheduled time, and if it ended before that without a sign of work.
-- began_by: The source of `began_at`: `created`, `scheduled`, `stream` (the run's state in its event stream), `version`
--   (the first version seen at work before its scheduled time, or seen after the reopening, with the server's time), or
--   `agent` (the agent reported that it is running, which comes a little after the reopening).
-- started_at: When its agent first reported that it is running; NULL if no event says so.
-- ended_at: When it ended, according to the server; the time at which that was first seen if the server gives none.
--   NULL while it goes on. Two ends within a minute are one that the server corrected, and an end without a time is the
--   one before it, seen again, unless a state or a report of the agent shows life between them: the last time that the
--   server gave stands. Ends with different times further apart are two attempts.
-- queue_s: Seconds from `began_at` to `started_at`; 0 if the clock of the agent is behind.
-- duration_s: Seconds from `began_at` to `ended_at`, including waiting time.
-- active_s: Seconds from `started_at` to `ended_at`.
-- observed_in: What shows the attempt, as a list: `version` (the run as the API returned it), `stream` (an event of its
--   stream) and `log` (an entry of its log).
-- known_at: When taskhouse learned of its beginning, of the start of its agent, of its end and of the ends before it,
--   whichever was last.
-- began_known_at: When taskhouse learned of its beginning and of the ends before it; NULL if `began_at` is.
-- environment: `local` or `cloud`.
-- stage: Purpose of the run, as free text from the server.
-- branch: Its branch.
-- runtime_adapter: The agent, such as `claude` or `codex`; NULL if the server does not say.
-- provider: Provider of the model.
-- model: The model.
-- reasoning_effort: Reasoning effort of the model.
-- pr_url: The pull request that the run named when the attempt was first seen at its end. If no version shows that end,
--   it is what the run's state in the stream says; so is `error_message`.
-- error_message: Why it failed, as the server says; reopening a run clears it.
-- resume_from_run_id: The run that this run continued.
-- repository: Repository of the task at the end of the attempt.
-- repository_now: Repository of the task, as last seen.
-- origin_product: What created the task.
-- created_by: The person who created the task, by uuid.
-- visibility: Whether the task was in the default list at the end of the attempt: `listed`; or `internal`, `archived`
--   or `absent` (deleted, or hidden from the owner of the key). NULL if the task was never seen.
-- visibility_now: The same, as last seen.
-- at_start: `environment`, `runtime_adapter`, `model`, `repository` and `visibility` at the end of the day on which the
--   attempt began; NULL if `began_at` is.
WITH version AS (
    SELECT
        project_id,
        run_id,
        environment,
        runtime_adapter,
        model,
        CASE WHEN lag(valid_from) OVER run IS NULL THEN TIMESTAMPTZ '-infinity' ELSE valid_from END AS from_at,
        coalesce(lead(valid_from) OVER run, TIMESTAMPTZ 'infinity') AS to_at
    FROM
        raw.run_versions
    WINDOW
        run AS (PARTITION BY project_id, run_id ORDER BY valid_from ASC)
),

-- What is known of a task and of its presence, from when on; the first of each also stands for the time before it.
task AS (
    SELECT
        *,
        CASE WHEN lag(valid_from) OVER task IS NULL THEN TIMESTAMPTZ '-infinity' ELSE valid_from END AS from_at,
        coalesce(lead(valid_from) OVER task, TIMESTAMPTZ 'infinity') AS to_at,
        lead(valid_from) OVER task IS NULL AS is_newest
    FROM
        raw.task_versions
    WINDOW
        task AS (PARTITION BY project_id, task_id ORDER BY valid_from ASC)
),

presence AS (
    SELECT
        *,
        CASE WHEN lag(first_seen_at) OVER task IS NULL THEN TIMESTAMPTZ '-infinity' ELSE first_seen_at END AS from_at,
        coalesce(lead(first_seen_at) OVER task, TIMESTAMPTZ 'infinity') AS to_at,
        lead(first_seen_at) OVER task IS NULL AS is_newest
    FROM
        raw.task_sightings
    WINDOW
        task AS (PARTITION BY project_id, task_id ORDER BY first_seen_at ASC)
),

-- The two times at which an attempt is described: its end, or now; and the end of the day on which it began.
dated AS (
    SELECT
        *,
        coalesce(ended_at, TIMESTAMPTZ '9999-12-31 00:00:00+00') AS judged_at,
        CASE WHEN began_at IS NOT NULL THEN least(main.day_start(main.day_of(began_at) + 1), described_at) END
            AS day_described_at,
        CASE WHEN began_at IS NOT NULL THEN main.day_start(main.day_of(began_at) + 1) END AS day_judged_at
    FROM
        main.run_attempt_facts
)

-- Plain bounds: with an ASOF join, DuckDB compares every moment with every version if it expects few of them.
SELECT
    attempt.project_id,
    attempt.task_id,
    attempt.run_id,
    attempt.attempt,
    attempt.is_last,
    attempt.status,
    attempt.began_at,
    attempt.began_by,
    attempt.started_at,
    attempt.ended_at,
    CASE
        WHEN attempt.started_at < attempt.began_at THEN 0
        ELSE date_diff('millisecond', attempt.began_at, attempt.started_at) / 1000
    END AS queue_s,
    date_diff('millisecond', attempt.began_at, attempt.ended_at) / 1000 AS duration_s,
    date_diff('millisecond', attempt.started_at, attempt.ended_at) / 1000 AS active_s,
    attempt.observed_in,
    attempt.known_at,
    attempt.began_known_at,
    attempt.environment,
    attempt.stage,
    attempt.branch,
    attempt.runtime_adapter,
    attempt.provider,
    attempt.model,
    attempt.reasoning_effort,
    attempt.pr_url,
    attempt.error_message,
    attempt.resume_from_run_id,
    task_then.repository,
    task.repository AS repository_now,
    task.origin_product,
    task.created_by,
    main.task_visibility(
        presence_then.absent_since <= attempt.judged_at, task_then.internal, task_then.archived, task_then.task_id
    ) AS visibility,
    main.task_visibility(presence.absent_since IS NOT NULL, task.internal, task.archived, task.task_id)
        AS visibility_now,
    CASE
        WHEN first.run_id IS NOT NULL
            THEN struct_pack(
                environment := first.environment,
                runtime_adapter := first.runtime_adapter,
                model := first.model,
                repository := task_first.repository,
                visibility := main.task_visibility(
                    presence_first.absent_since <= attempt.day_judged_at,
                    task_first.internal,
                    task_first.archived,
                    task_first.task_id
                )
            )
    END AS at_start
FROM
    dated AS attempt
    LEFT JOIN version AS first
        ON attempt.project_id = first.project_id
        AND attempt.run_id = first.run_id
        AND attempt.day_described_at >= first.from_at
        AND attempt.day_described_at < first.to_at
    LEFT JOIN task
        ON attempt.project_id = task.project_id
        AND attempt.task_id = task.task_id
        AND task.is_newest
    LEFT JOIN task AS task_then
        ON attempt.project_id = task_then.project_id
        AND attempt.task_id = task_then.task_id
        AND attempt.judged_at >= task_then.from_at
        AND attempt.judged_at < task_then.to_at
    LEFT JOIN task AS task_first
        ON attempt.project_id = task_first.project_id
        AND attempt.task_id = task_first.task_id
        AND attempt.day_judged_at >= task_first.from_at
        AND attempt.day_judged_at < task_first.to_at
    LEFT JOIN presence
        ON attempt.project_id = presence.project_id
        AND attempt.task_id = presence.task_id
        AND presence.is_newest
    LEFT JOIN presence AS presence_then
        ON attempt.project_id = presence_then.project_id
        AND attempt.task_id = presence_then.task_id
        AND attempt.judged_at >= presence_then.from_at
        AND attempt.judged_at < presence_then.to_at
    LEFT JOIN presence AS presence_first
        ON attempt.project_id = presence_first.project_id
        AND attempt.task_id = presence_first.task_id
        AND attempt.day_judged_at >= presence_first.from_at
        AND attempt.day_judged_at < presence_first.to_at
