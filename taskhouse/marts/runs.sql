-- One row per run in its last known state, with how completely its events are captured. `run_usage` has its token usage
-- and `task_cost` the cost of its task; the run itself contains neither.
-- Key: `project_id`, `run_id`.
--
-- project_id: The PostHog project.
-- task_id: The task that the run belongs to.
-- run_id: The run.
-- status: `not_started`, `queued`, `in_progress`, `completed`, `failed` or `cancelled`: that of its last attempt.
-- attempts: How often it began: 1, and 1 more for each time it was reopened; see `run_attempts`.
-- environment: `local` or `cloud`.
-- runtime_adapter: The agent, such as `claude` or `codex`; NULL if the server does not say.
-- provider: Provider of the model.
-- model: The model.
-- reasoning_effort: Reasoning effort of the model.
-- stage: Purpose of the run, as free text from the server.
-- branch: Its branch.
-- pr_url: The pull request that the run's own row names.
-- pr_state: Its state, as last seen: `open`, `draft`, `merged`, `closed` or `unknown`; NULL if the server does not say.
-- error_message: Why it failed, as the server says.
-- resume_from_run_id: The run that it continued.
-- repository: Repository of its task, as last seen.
-- repository_then: Repository of its task at the end of the last attempt.
-- origin_product: What created its task, as last seen.
-- visibility: `listed`, `internal`, `archived` or `absent`, as its task was last seen; NULL if it never was.
-- created_at: When the server created it.
-- started_at: When its agent first reported that it is running; NULL if no event says so.
-- updated_at: When the server says it changed. The end of the run does not count.
-- completed_at: When its last attempt ended; NULL while it goes on.
-- queue_s: Seconds that its attempts waited for an agent: their sum, NULL if one is unknown.
-- duration_s: Seconds that its attempts took, including waiting time: their sum, NULL if one is unknown or goes on.
-- active_s: Seconds from the start of the agent to the end of each attempt: their sum, NULL if one is unknown.
-- capture_state: `live`: more may come. `complete`: the stream came to its own end, the log was read after that, and no
--   gap is known. `complete_with_gaps`: at its end, with a gap that could not be filled, or a stream that broke off.
--   `log_only`: the whole log, but nothing of the stream. `expired`: the log expired before it had been read to its
--   end, or nothing at all was left of the run. `refused`: the server currently refuses the log; taskhouse asks again
--   while the server may still have it. NULL: not looked at yet.
-- stream_state: State of the stream's cursor: `live`, `stream_end`, `terminal_without_stream`, `error_budget` (it
--   failed several times in a row), `not_found` (404), `refused` (403), or `lost`: refused for as long as the server
--   may have had it.
-- log_state: State of the log's cursor: `drained` (read, more may come), `settled`, `expired`, `not_found` (404),
--   `refused` (403), `lost`: refused for as long as the server may have had it, or `unproved`: the server's answers
--   were inconsistent, or it was not read to its end, so it will be read again from the beginning.
-- live_events: Number of stored live events.
-- log_entries: Number of stored log entries.
-- gaps: Open gaps: its rows in `ledger.gaps` whose `repaired_from_log` is false. It is true where the agent's numbers
--   prove that the log contains everything that the stream lacks there.
-- certain_gaps: Gaps that the agent's own numbering proves or that the server announced.
-- gap_kinds: Why something is missing: the kinds of its open gaps in alphabetical order, which `docs/capture.md`
--   explains; NULL without an open gap, or if an older taskhouse found them.
-- valid_from: When its newest version was first seen; see `run_history`.
-- payload: The run as JSON, without secrets and signed addresses. Query it through `event_document`.
WITH captured AS (
    SELECT
        project_id,
        run_id,
        CAST(sum(live_events) AS BIGINT) AS live_events,
        CAST(sum(identified_events) AS BIGINT) AS identified_events,
        CAST(sum(log_entries) AS BIGINT) AS log_entries
    FROM
        main.run_hours
    GROUP BY
        project_id,
        run_id
),

hole AS (
    SELECT
        project_id,
        run_id,
        count(*) AS gaps,
        count(*) FILTER (WHERE certain) AS certain_gaps,
        list(DISTINCT kind ORDER BY kind ASC) FILTER (WHERE kind IS NOT NULL) AS gap_kinds
    FROM
        ledger.gaps
    WHERE
        NOT repaired_from_log
    GROUP BY
        project_id,
        run_id
),

attempt AS (
    SELECT
        project_id,
        run_id,
        count(*) AS attempts,
        arg_max(status, attempt) AS status,
        arg_max_null(ended_at, attempt) AS completed_at,
        arg_max_null(repository, attempt) AS repository_then,
        arg_max_null(repository_now, attempt) AS repository,
        arg_max_null(origin_product, attempt) AS origin_product,
        arg_max_null(visibility_now, attempt) AS visibility,
        min(started_at) AS started_at,
        CASE WHEN count(queue_s) = count(*) THEN sum(queue_s) END AS queue_s,
        CASE WHEN count(duration_s) = count(*) THEN sum(duration_s) END AS duration_s,
        CASE WHEN count(active_s) = count(*) THEN sum(active_s) END AS active_s
    FROM
        main.run_attempts
    GROUP BY
        project_id,
        run_id
),

with_state AS (
    SELECT
        run.* EXCLUDE (status, completed_at),
        attempt.* EXCLUDE (project_id, run_id),
        stream_cursor.state AS stream_state,
        log_cursor.state AS log_state,
        coalesce(captured.live_events, 0) AS live_events,
        coalesce(captured.identified_events, 0) AS identified_events,
        coalesce(captured.log_entries, 0) AS log_entries,
        coalesce(hole.gaps, 0) AS gaps,
        coalesce(hole.certain_gaps, 0) AS certain_gaps,
        hole.gap_kinds
    FROM
        main.run_history AS run
        INNER JOIN attempt
            ON run.project_id = attempt.project_id
            AND run.run_id = attempt.run_id
        LEFT JOIN ledger.cursors AS stream_cursor
            ON run.project_id = stream_cursor.project_id
            AND run.run_id = stream_cursor.key
            AND stream_cursor.resource = 'run_stream'
        LEFT JOIN ledger.cursors AS log_cursor
            ON run.project_id = log_cursor.project_id
            AND run.run_id = log_cursor.key
            AND log_cursor.resource = 'run_log'
        LEFT JOIN captured
            ON run.project_id = captured.project_id
            AND run.run_id = captured.run_id
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
    attempts,
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
    repository_then,
    origin_product,
    visibility,
    created_at,
    started_at,
    updated_at,
    completed_at,
    queue_s,
    duration_s,
    active_s,
    CASE
        WHEN stream_state IS NULL AND log_state IS NULL THEN NULL
        WHEN status NOT IN ('completed', 'failed', 'cancelled') THEN 'live'
        WHEN log_state IN ('expired', 'lost') THEN 'expired'
        WHEN log_state IN ('not_found', 'refused') THEN 'refused'
        WHEN log_state = 'settled' AND identified_events + log_entries = 0 THEN 'expired'
        WHEN log_state IS DISTINCT FROM 'settled' THEN 'live'
        WHEN identified_events = 0 THEN 'log_only'
        WHEN gaps > 0 OR stream_state IS DISTINCT FROM 'stream_end' THEN 'complete_with_gaps'
        ELSE 'complete'
    END AS capture_state,
    stream_state,
    log_state,
    live_events,
    log_entries,
    gaps,
    certain_gaps,
    gap_kinds,
    valid_from,
    payload
FROM
    with_state
