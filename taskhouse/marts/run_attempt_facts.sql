-- One row per attempt of a run, from its start to its end: what the run itself shows. `run_attempts` adds what is known
-- of its task, and is the view to ask.
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
-- observed_in: What shows the attempt, as a list: `version` (the run as the API returned it), `stream` (an event of its
--   stream) and `log` (an entry of its log).
-- known_at: When taskhouse learned of its beginning, of the start of its agent, of its end and of the ends before it,
--   whichever was last.
-- began_known_at: When taskhouse learned of its beginning and of the ends before it; NULL if `began_at` is.
-- described_at: Up to when versions of the run describe it: of those first seen by then, the newest. A time far in the
--   future while the attempt goes on.
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
WITH version AS (
    SELECT
        *,
        CASE WHEN lag(valid_from) OVER run IS NULL THEN TIMESTAMPTZ '-infinity' ELSE valid_from END AS from_at,
        coalesce(lead(valid_from) OVER run, TIMESTAMPTZ 'infinity') AS to_at,
        lead(valid_from) OVER run IS NULL AS is_newest,
        min(valid_from) OVER run AS first_seen_at
    FROM
        raw.run_versions
    WINDOW
        run AS (PARTITION BY project_id, run_id ORDER BY valid_from ASC)
),

-- The tasks as last seen, and until when each was seen so.
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

-- When the API last showed that a run is over: as a new version, or because its task was seen with the same state. It
-- never becomes earlier, so what is stored of a run that is over stays true (`derive/done`).
over AS (
    SELECT
        version.project_id,
        version.run_id,
        greatest(
            any_value(version.valid_from),
            max(CASE WHEN task.is_newest THEN presence.last_seen_at ELSE task.to_at END)
        ) AS shown_at
    FROM
        version
        LEFT JOIN task
            ON version.project_id = task.project_id
            AND version.task_id = task.task_id
            AND version.run_id = task.latest_run_id
            AND version.status = task.latest_run_status
        LEFT JOIN presence
            ON task.project_id = presence.project_id
            AND task.task_id = presence.task_id
            AND presence.is_newest
    WHERE
        version.is_newest
        AND version.status IN ('completed', 'failed', 'cancelled')
    GROUP BY
        version.project_id,
        version.run_id
),

-- The last time that the server gave for an end stands; if it gave none, when the end was first seen. A state of a run
-- that goes on shows that unless the API has shown it ended since. What the server says of the time of a state does not
-- count as work before the scheduled time, since not every change of a run moves it.
judged AS (
    SELECT
        evidence.*,
        version.task_id,
        version.created_at,
        version.first_seen_at,
        CASE WHEN version.scheduled_at > version.created_at THEN version.scheduled_at END AS scheduled_at,
        epoch_us(evidence.ended_at) // 1000 AS ended_ms,
        first_value(epoch_us(evidence.ended_at) // 1000) OVER (
            PARTITION BY evidence.project_id, evidence.run_id, evidence.attempt
            ORDER BY
                evidence.is_timed DESC NULLS LAST,
                CASE WHEN evidence.is_timed THEN evidence.observed_at END DESC NULLS LAST,
                CASE WHEN evidence.is_timed THEN evidence.ended_at END DESC,
                evidence.ended_at ASC
        ) AS end_ms,
        evidence.shown_by <> 'agent'
        AND evidence.happened_at IS NOT NULL
        AND evidence.is_newest
        AND (over.shown_at IS NULL OR evidence.known_at >= over.shown_at) AS goes_on,
        CASE
            WHEN evidence.shown_by = 'agent' OR evidence.status IN ('queued', 'in_progress')
                THEN struct_pack(
                    at := evidence.observed_at, shown_by := evidence.shown_by, known_at := evidence.known_at
                )
        END AS work
    FROM
        main.run_evidence AS evidence
        INNER JOIN version
            ON evidence.project_id = version.project_id
            AND evidence.run_id = version.run_id
            AND version.is_newest
        LEFT JOIN over
            ON evidence.project_id = over.project_id
            AND evidence.run_id = over.run_id
),

-- How an end is last described.
told AS (
    SELECT
        * REPLACE (goes_on AND end_ms IS NULL AS goes_on),
        max(CASE WHEN is_timed AND ended_ms <> end_ms THEN observed_at END) OVER same AS other_at,
        first_value(CASE WHEN is_kept THEN status END) OVER (
            same ORDER BY is_kept DESC NULLS LAST, known_at DESC, observed_in DESC, observed_at DESC, status ASC
        ) AS end_status
    FROM (
        SELECT
            *,
            ended_ms = end_ms OR NOT is_timed AS is_kept
        FROM
            judged
    )
    WINDOW
        same AS (PARTITION BY project_id, run_id, attempt)
),

-- An end has its time since it was known by what says so last. The time itself stands as it first came.
gathered AS (
    SELECT
        project_id,
        any_value(task_id) AS task_id,
        run_id,
        attempt,
        any_value(created_at) AS created_at,
        any_value(scheduled_at) AS scheduled_at,
        any_value(first_seen_at) AS first_seen_at,
        min(CASE WHEN work.at < scheduled_at THEN work END) AS early,
        min(known_at) FILTER (
            WHERE shown_by = 'agent' OR ended_at IS NOT NULL OR (happened_at IS NOT NULL AND status <> 'not_started')
        ) AS moved_at,
        arg_min(ended_at, (known_at, observed_in)) FILTER (WHERE ended_ms = end_ms) AS ended_at,
        coalesce(any_value(end_status), arg_max(status, (known_at, happened_at)) FILTER (WHERE goes_on)) AS status,
        CASE
            WHEN bool_and(observed_in = 'stream') FILTER (WHERE is_kept)
                THEN arg_min(
                    struct_pack(pr_url := pr_url, error_message := error_message), (known_at, observed_at)
                ) FILTER (WHERE is_kept AND status = end_status)
        END AS told,
        min(known_at) FILTER (WHERE ended_ms = end_ms AND coalesce(observed_at >= other_at, true)) AS stands_at,
        greatest(
            coalesce(
                min(known_at) FILTER (WHERE is_kept AND observed_in = 'version' AND status = end_status),
                min(known_at) FILTER (WHERE is_kept AND status = end_status),
                max(known_at) FILTER (WHERE goes_on)
            ),
            stands_at
        ) AS said_at,
        greatest(min(known_at) FILTER (WHERE is_kept), stands_at) AS end_known_at,
        max(parted_at) AS begins_at,
        CASE
            WHEN any_value(is_near) THEN min(known_at) FILTER (WHERE is_timed IS NOT NULL)
            ELSE min(known_at) FILTER (WHERE is_again)
        END AS joined_at,
        CASE WHEN begins_at > joined_at THEN begins_at END AS parted_at,
        min(
            CASE WHEN happened_at IS NOT NULL
                THEN struct_pack(at := happened_at, shown_by := shown_by, known_at := known_at) END
        ) AS alive,
        min(
            CASE WHEN shown_by = 'agent' THEN struct_pack(at := happened_at, known_at := known_at) END
        ) AS agent,
        list(observed_in) FILTER (
            WHERE is_kept OR goes_on OR shown_by = 'agent' OR (attempt > 1 AND happened_at IS NOT NULL)
        ) AS observed_in
    FROM
        told
    GROUP BY
        project_id,
        run_id,
        attempt
),

-- An attempt is known to have its number, and to have begun again, once the ends before it are known.
numbered AS (
    SELECT
        * REPLACE (min(early) OVER run AS early, min(moved_at) OVER run AS moved_at),
        lead(parted_at) OVER in_order AS next_parted_at,
        greatest(max(end_known_at) OVER before, max(parted_at) OVER in_order) AS numbered_at,
        lead(attempt) OVER in_order IS NULL AS is_last
    FROM
        gathered
    WHERE
        status IS NOT NULL
    WINDOW
        run AS (PARTITION BY project_id, run_id),
        in_order AS (PARTITION BY project_id, run_id ORDER BY attempt ASC),
        before AS (
            PARTITION BY project_id, run_id ORDER BY attempt ASC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
),

timed AS (
    SELECT
        *,
        CASE
            WHEN attempt > 1
                THEN struct_pack(
                    at := alive.at, shown_by := alive.shown_by, known_at := greatest(alive.known_at, numbered_at)
                )
            WHEN early IS NOT NULL AND greatest(early.at, created_at) <= coalesce(ended_at, TIMESTAMPTZ 'infinity')
                THEN struct_pack(
                    at := greatest(early.at, created_at),
                    shown_by := early.shown_by,
                    known_at := greatest(early.known_at, first_seen_at)
                )
            WHEN scheduled_at IS NOT NULL AND (moved_at IS NULL OR ended_at < scheduled_at) THEN NULL
            WHEN scheduled_at IS NOT NULL
                THEN struct_pack(
                    at := scheduled_at, shown_by := 'scheduled', known_at := greatest(first_seen_at, moved_at)
                )
            WHEN created_at IS NOT NULL
                THEN struct_pack(at := least(created_at, ended_at), shown_by := 'created', known_at := first_seen_at)
        END AS began,
        greatest(said_at, next_parted_at, numbered_at, agent.known_at) AS settled_at,
        CASE WHEN ended_at IS NULL THEN TIMESTAMPTZ '9999-12-31 00:00:00+00' ELSE greatest(said_at, next_parted_at) END
            AS described_at
    FROM
        numbered
)

-- Plain bounds: with an ASOF join, DuckDB compares every moment with every version if it expects few of them.
SELECT
    attempt.project_id,
    attempt.task_id,
    attempt.run_id,
    attempt.attempt,
    attempt.is_last,
    attempt.status,
    attempt.began.at AS began_at,
    CASE WHEN attempt.began.at IS NOT NULL THEN attempt.began.shown_by END AS began_by,
    attempt.agent.at AS started_at,
    attempt.ended_at,
    list_sort(list_distinct(attempt.observed_in), 'ASC') AS observed_in,
    greatest(
        attempt.settled_at,
        CASE
            WHEN attempt.began.at IS NOT NULL AND attempt.began.shown_by NOT IN ('created', 'scheduled')
                THEN attempt.began.known_at
        END
    ) AS known_at,
    CASE WHEN attempt.began.at IS NOT NULL THEN attempt.began.known_at END AS began_known_at,
    attempt.described_at,
    version.environment,
    version.stage,
    version.branch,
    version.runtime_adapter,
    version.provider,
    version.model,
    version.reasoning_effort,
    CASE WHEN attempt.told IS NULL THEN version.pr_url ELSE attempt.told.pr_url END AS pr_url,
    CASE WHEN attempt.told IS NULL THEN version.error_message ELSE attempt.told.error_message END AS error_message,
    version.resume_from_run_id
FROM
    timed AS attempt
    INNER JOIN version
        ON attempt.project_id = version.project_id
        AND attempt.run_id = version.run_id
        AND attempt.described_at >= version.from_at
        AND attempt.described_at < version.to_at
