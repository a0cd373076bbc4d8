-- One row per run, as it was seen last, and how far its events are kept. What it used is in `run_usage`, and what its
-- task cost in `task_cost`: the run itself does not say.
--
-- project_id: The PostHog project.
-- task_id: The task that the run belongs to.
-- run_id: The run.
-- status: `not_started`, `queued`, `in_progress`, `completed`, `failed` or `cancelled`; a finished run can be reopened.
-- environment: `local` or `cloud`.
-- runtime_adapter: The agent: `claude`, `codex`; NULL where the server does not say.
-- provider: Whose model.
-- model: The model.
-- reasoning_effort: How hard it was to think.
-- stage: What the run was for, in the server's free words.
-- branch: The branch that it works on.
-- pr_url: The pull request that it says it made, in its own row.
-- pr_state: Its state, as seen last: `open`, `draft`, `merged`, `closed` or `unknown`; NULL where the server does not
--   say.
-- error_message: Why it failed, in the server's words.
-- resume_from_run_id: The run that it went on from.
-- repository: Repository of its task, as the task was seen last.
-- origin_product: What made its task, as the task was seen last.
-- created_at: When the server made it.
-- started_at: When its agent said for the first time that it runs; NULL where no event says so.
-- updated_at: When the server says it changed; ending a run does not move it.
-- completed_at: When it ended.
-- queue_s: Seconds from `created_at` to `started_at`.
-- duration_s: Seconds from `created_at` to `completed_at`, waiting included.
-- active_s: Seconds from `started_at` to `completed_at`.
-- capture_state: `live`: more may come. `complete`: the stream came to its own end, the log was read after that, and no
--   hole is known. `complete_with_gaps`: at its end, with a hole that could not be filled, or a stream that broke off.
--   `log_only`: nothing of the stream, the whole log. `expired`: the log was gone before it had been read to its end,
--   or nothing at all was left of the run. `refused`: the server refuses the log just now; taskhouse asks again while
--   the server may have it. NULL: not looked at yet.
-- stream_state: State of the stream's cursor: `live`, `stream_end`, `terminal_without_stream`, `error_budget`,
--   `not_found` (404), `refused` (403), or `lost`: refused for as long as the server may have had it.
-- log_state: State of the log's cursor: `drained` (read, more may come), `settled`, `expired`, `not_found` (404),
--   `refused` (403), `lost`: refused for as long as the server may have had it, or `unproved`: what the server said of
--   it did not add up, or it was not read to its end, so that it is read again from its beginning.
-- events: Live events that are kept.
-- log_entries: Entries of its log that are kept.
-- gaps: Holes that stand open: its rows in `ledger.gaps` whose `repaired_from_log` is false. It is true where the
--   agent's numbers prove that the log holds all that the stream lacks there.
-- certain_gaps: Those that the agent's own numbering proves, or the server announced.
-- changed_at: When the newest version of the run was seen.
-- payload: The run as JSON, without secrets and signed addresses.
WITH live AS (
    SELECT
        project_id,
        run_id,
        count(*) AS events,
        count(stream_ms) AS streamed,
        min(occurred_at) FILTER (WHERE method = '_posthog/run_started' OR kind = 'pi_run_started') AS started_at
    FROM
        raw.run_events
    GROUP BY
        project_id,
        run_id
),

log AS (
    SELECT
        project_id,
        run_id,
        count(*) AS log_entries,
        min(occurred_at) FILTER (WHERE method = '_posthog/run_started' OR kind = 'pi_run_started') AS started_at
    FROM
        raw.run_log_entries
    GROUP BY
        project_id,
        run_id
),

hole AS (
    SELECT
        project_id,
        run_id,
        count(*) AS gaps,
        count(*) FILTER (WHERE certain) AS certain_gaps
    FROM
        ledger.gaps
    WHERE
        NOT repaired_from_log
    GROUP BY
        project_id,
        run_id
),

told AS (
    SELECT
        run.*,
        task.repository,
        task.origin_product,
        coalesce(least(live.started_at, log.started_at), live.started_at, log.started_at) AS started_at,
        stream_cursor.state AS stream_state,
        log_cursor.state AS log_state,
        coalesce(live.events, 0) AS events,
        coalesce(live.streamed, 0) AS streamed,
        coalesce(log.log_entries, 0) AS log_entries,
        coalesce(hole.gaps, 0) AS gaps,
        coalesce(hole.certain_gaps, 0) AS certain_gaps
    FROM
        main.run_history AS run
        LEFT JOIN main.task_history AS task
            ON run.project_id = task.project_id
            AND run.task_id = task.task_id
            AND task.is_current
        LEFT JOIN ledger.cursors AS stream_cursor
            ON run.project_id = stream_cursor.project_id
            AND run.run_id = stream_cursor.key
            AND stream_cursor.resource = 'run_stream'
        LEFT JOIN ledger.cursors AS log_cursor
            ON run.project_id = log_cursor.project_id
            AND run.run_id = log_cursor.key
            AND log_cursor.resource = 'run_log'
        LEFT JOIN live
            ON run.project_id = live.project_id
            AND run.run_id = live.run_id
        LEFT JOIN log
            ON run.project_id = log.project_id
            AND run.run_id = log.run_id
        LEFT JOIN hole
            ON run.project_id = hole.project_id
            AND run.run_id = hole.run_id
    WHERE
        run.is_current
)

SELECT
    project_id,
    task_id,
    run_id,
    status,
    environment,
    runtime_adapter,
    provider,
    model,
    reasoning_effort,
    stage,
    branch,
    pr_url,
    pr_state,
    error_message,
    resume_from_run_id,
    repository,
    origin_product,
    created_at,
    started_at,
    updated_at,
    completed_at,
    CASE WHEN started_at < created_at THEN 0 ELSE date_diff('millisecond', created_at, started_at) / 1000 END
        AS queue_s,
    date_diff('millisecond', created_at, completed_at) / 1000 AS duration_s,
    CASE WHEN completed_at < started_at THEN 0 ELSE date_diff('millisecond', started_at, completed_at) / 1000 END
        AS active_s,
    CASE
        WHEN stream_state IS NULL AND log_state IS NULL THEN NULL
        WHEN status NOT IN ('completed', 'failed', 'cancelled') THEN 'live'
        WHEN log_state IN ('expired', 'lost') THEN 'expired'
        WHEN log_state IN ('not_found', 'refused') THEN 'refused'
        WHEN log_state = 'settled' AND streamed + log_entries = 0 THEN 'expired'
        WHEN log_state IS DISTINCT FROM 'settled' THEN 'live'
        WHEN streamed = 0 THEN 'log_only'
        WHEN gaps > 0 OR stream_state IS DISTINCT FROM 'stream_end' THEN 'complete_with_gaps'
        ELSE 'complete'
    END AS capture_state,
    stream_state,
    log_state,
    events,
    log_entries,
    gaps,
    certain_gaps,
    valid_from AS changed_at,
    payload
FROM
    told
