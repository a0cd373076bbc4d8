-- One row per attempt of a run, from its start to its end. A finished run can be reopened, and each reopening begins
-- another attempt. Its repository, its model and whatever else describes it are those of the time it ended, so the row
-- of a finished attempt changes only if evidence arrives late.
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

state AS (
    FROM main.run_states
),

started AS (
    SELECT
        project_id,
        run_id,
        CASE layer WHEN 'live' THEN 'stream' ELSE 'log' END AS observed_in,
        'agent' AS shown_by,
        occurred_at AS happened_at,
        received_at AS known_at
    FROM
        main.run_signals
    WHERE
        signal = 'started'
),

-- Everything that shows that a run was alive.
alive AS (
    SELECT project_id, run_id, observed_in, observed_in AS shown_by, happened_at, known_at
    FROM state
    WHERE happened_at IS NOT NULL
    UNION ALL BY NAME
    FROM started
),

-- The same end may come in milliseconds and in microseconds (`epoch_ms` would round those).
told AS (
    SELECT *, epoch_us(ended_at) // 1000 AS ended_ms FROM state WHERE ended_at IS NOT NULL
),

told_end AS (
    SELECT
        project_id,
        run_id,
        ended_ms,
        max(ended_at) AS ended_at,
        bool_or(is_timed) AS is_timed,
        min(known_at) AS known_at,
        lag(max(ended_at)) OVER run AS ended_before
    FROM
        told
    GROUP BY
        project_id,
        run_id,
        ended_ms
    WINDOW
        run AS (PARTITION BY project_id, run_id ORDER BY ended_ms ASC)
),

lived AS (
    SELECT
        told_end.project_id,
        told_end.run_id,
        told_end.ended_ms,
        min(alive.known_at) AS known_at
    FROM
        told_end
        INNER JOIN alive
            ON told_end.project_id = alive.project_id
            AND told_end.run_id = alive.run_id
            AND alive.happened_at > told_end.ended_before
            AND alive.happened_at <= told_end.ended_at
    GROUP BY
        told_end.project_id,
        told_end.run_id,
        told_end.ended_ms
),

-- If nothing shows that the run lived between them, two ends within a minute are one that was corrected, and an end
-- without a time is the one before it, seen again.
counted_end AS (
    SELECT
        *,
        coalesce(NOT is_timed OR ended_ms - ms_before <= 60_000, false) AS is_near,
        count(*) FILTER (WHERE NOT is_again AND coalesce(lived_known_at IS NOT NULL OR ended_ms - ms_before > 60_000, true))
            OVER run AS number
    FROM (
        SELECT
            *,
            last_value(CASE WHEN NOT is_again THEN ended_ms END IGNORE NULLS) OVER before AS ms_before
        FROM (
            SELECT
                told_end.*,
                lived.known_at AS lived_known_at,
                NOT told_end.is_timed AND told_end.ended_before IS NOT NULL AND lived.run_id IS NULL AS is_again
            FROM
                told_end
                LEFT JOIN lived USING (project_id, run_id, ended_ms)
        )
        WINDOW
            before AS (
                PARTITION BY project_id, run_id ORDER BY ended_ms ASC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            )
    )
    WINDOW
        run AS (PARTITION BY project_id, run_id ORDER BY ended_ms ASC)
),

-- Since when it is known that an end is not the one before it: of ends near each other, since a sign of life between
-- them was known; of an end seen again, at the latest since its own time was known.
parted AS (
    SELECT
        project_id,
        run_id,
        number,
        lead(CASE WHEN parted_at > joined_at THEN parted_at END) OVER run AS parted_at
    FROM (
        SELECT
            project_id,
            run_id,
            number,
            arg_min(
                CASE WHEN is_near THEN lived_known_at ELSE least(known_at, lived_known_at) END, ended_ms
            ) AS parted_at,
            CASE WHEN arg_min(is_near, ended_ms) THEN min(known_at) ELSE min(known_at) FILTER (WHERE is_again) END
                AS joined_at
        FROM
            counted_end
        GROUP BY
            project_id,
            run_id,
            number
    )
    WINDOW
        run AS (PARTITION BY project_id, run_id ORDER BY number ASC)
),

-- What is said of each end. The last time that the server gave for it stands; if it gave none, when it was first seen.
kept AS (
    SELECT
        * REPLACE (
            greatest(known_at, min(CASE WHEN ended_ms = end_ms THEN known_at END) OVER same_end) AS known_at
        )
    FROM (
        SELECT
            told.*,
            counted_end.number,
            first_value(told.ended_ms) OVER (
                same_end
                ORDER BY
                    told.is_timed DESC,
                    CASE WHEN told.is_timed THEN told.observed_at END DESC NULLS LAST,
                    CASE WHEN told.is_timed THEN -told.ended_ms ELSE told.ended_ms END ASC
            ) AS end_ms
        FROM
            told
            INNER JOIN counted_end USING (project_id, run_id, ended_ms)
        WINDOW
            same_end AS (PARTITION BY told.project_id, told.run_id, counted_end.number)
    )
    WHERE
        ended_ms = end_ms
        OR NOT is_timed
    WINDOW
        same_end AS (PARTITION BY project_id, run_id, number)
),

-- How an end is last described, and since when it is described so. Its time stands as it first came.
finished AS (
    SELECT
        said.project_id,
        said.run_id,
        arg_min(said.ended_at, (said.known_at, said.observed_in)) FILTER (WHERE said.ended_ms = said.end_ms) AS ended_at,
        any_value(said.last_status) AS status,
        CASE
            WHEN bool_and(said.observed_in = 'stream')
                THEN arg_min(
                    struct_pack(pr_url := said.pr_url, error_message := said.error_message),
                    (said.known_at, said.observed_at)
                ) FILTER (WHERE said.status = said.last_status)
        END AS told,
        greatest(
            coalesce(
                min(said.known_at) FILTER (WHERE said.observed_in = 'version' AND said.status = said.last_status),
                min(said.known_at) FILTER (WHERE said.status = said.last_status)
            ),
            any_value(parted.parted_at)
        ) AS known_at,
        greatest(min(said.known_at), any_value(parted.parted_at)) AS end_known_at,
        list(DISTINCT said.observed_in) AS observed_in
    FROM
        (
            SELECT
                *,
                first_value(status) OVER (
                    PARTITION BY project_id, run_id, number
                    ORDER BY known_at DESC, observed_in DESC, observed_at DESC, status ASC
                ) AS last_status
            FROM
                kept
        ) AS said
        INNER JOIN parted USING (project_id, run_id, number)
    GROUP BY
        said.project_id,
        said.run_id,
        said.number
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

-- A run goes on if it never ended, or shows life after its last end, unless the API has shown it ended since.
going_on AS (
    SELECT
        state.project_id,
        state.run_id,
        arg_max(state.status, (state.known_at, state.happened_at)) AS status,
        max(state.known_at) AS known_at,
        list(DISTINCT state.observed_in) AS observed_in
    FROM
        state
        LEFT JOIN (
            SELECT project_id, run_id, max(ended_at) AS ended_at FROM finished GROUP BY project_id, run_id
        ) AS last_end USING (project_id, run_id)
        LEFT JOIN over USING (project_id, run_id)
    WHERE
        state.happened_at IS NOT NULL
        AND state.is_newest
        AND (last_end.ended_at IS NULL OR state.happened_at > last_end.ended_at)
        AND (over.shown_at IS NULL OR state.known_at >= over.shown_at)
    GROUP BY
        state.project_id,
        state.run_id
),

numbered AS (
    SELECT
        *,
        row_number() OVER run AS attempt,
        lag(ended_at) OVER run AS ended_before,
        max(end_known_at) OVER before AS numbered_at,
        lead(project_id) OVER run IS NULL AS is_last
    FROM (
        FROM finished UNION ALL BY NAME SELECT *, CAST(NULL AS TIMESTAMPTZ) AS ended_at FROM going_on
    )
    WINDOW
        run AS (PARTITION BY project_id, run_id ORDER BY ended_at ASC NULLS LAST),
        before AS (
            PARTITION BY project_id, run_id
            ORDER BY ended_at ASC NULLS LAST
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
),

-- The earliest sign of each attempt after the first, and everything that shows it.
reopened AS (
    SELECT
        numbered.project_id,
        numbered.run_id,
        numbered.attempt,
        min(shown.happened_at) AS began_at,
        arg_min(shown.shown_by, (shown.happened_at, shown.shown_by)) AS began_by,
        arg_min(shown.known_at, (shown.happened_at, shown.shown_by, shown.known_at)) AS known_at,
        list(DISTINCT shown.observed_in) AS observed_in
    FROM
        numbered
        INNER JOIN alive AS shown
            ON numbered.project_id = shown.project_id
            AND numbered.run_id = shown.run_id
            AND shown.happened_at > numbered.ended_before
            AND (numbered.ended_at IS NULL OR shown.happened_at <= numbered.ended_at)
    WHERE
        numbered.attempt > 1
    GROUP BY
        numbered.project_id,
        numbered.run_id,
        numbered.attempt
),

agent AS (
    SELECT
        numbered.project_id,
        numbered.run_id,
        numbered.attempt,
        min(started.happened_at) AS started_at,
        arg_min(started.known_at, (started.happened_at, started.known_at)) AS known_at,
        list(DISTINCT started.observed_in) AS observed_in
    FROM
        numbered
        INNER JOIN started
            ON numbered.project_id = started.project_id
            AND numbered.run_id = started.run_id
            AND (numbered.ended_before IS NULL OR started.happened_at > numbered.ended_before)
            AND (numbered.ended_at IS NULL OR started.happened_at <= numbered.ended_at)
    GROUP BY
        numbered.project_id,
        numbered.run_id,
        numbered.attempt
),

-- The earliest sign that a run was at work before its scheduled time. What the server says of the time of a state does
-- not count, since not every change of a run moves it.
early AS (
    SELECT
        version.project_id,
        version.run_id,
        greatest(min(shown.happened_at), any_value(version.created_at)) AS began_at,
        arg_min(shown.shown_by, (shown.happened_at, shown.shown_by)) AS began_by,
        arg_min(shown.known_at, (shown.happened_at, shown.shown_by, shown.known_at)) AS known_at
    FROM
        version
        INNER JOIN (
            SELECT project_id, run_id, observed_in AS shown_by, observed_at AS happened_at, known_at
            FROM state
            WHERE status IN ('queued', 'in_progress')
            UNION ALL BY NAME
            SELECT * EXCLUDE (observed_in) FROM started
        ) AS shown
            ON version.project_id = shown.project_id
            AND version.run_id = shown.run_id
            AND shown.happened_at < version.scheduled_at
    WHERE
        version.is_newest
        AND version.scheduled_at > version.created_at
    GROUP BY
        version.project_id,
        version.run_id
),

timed AS (
    SELECT
        numbered.* EXCLUDE (known_at, numbered_at, end_known_at, observed_in, ended_before),
        version.task_id,
        agent.started_at,
        CASE
            WHEN numbered.attempt > 1 AND reopened.run_id IS NULL THEN NULL
            WHEN numbered.attempt > 1
                THEN struct_pack(
                    at := reopened.began_at,
                    shown_by := reopened.began_by,
                    known_at := greatest(reopened.known_at, numbered.numbered_at)
                )
            WHEN early.began_at <= coalesce(numbered.ended_at, TIMESTAMPTZ 'infinity')
                THEN struct_pack(
                    at := early.began_at,
                    shown_by := early.began_by,
                    known_at := greatest(early.known_at, version.first_seen_at)
                )
            WHEN
                version.scheduled_at > version.created_at
                AND (numbered.status = 'not_started' OR numbered.ended_at < version.scheduled_at)
                THEN NULL
            WHEN version.scheduled_at > version.created_at
                THEN struct_pack(
                    at := version.scheduled_at, shown_by := 'scheduled', known_at := version.first_seen_at
                )
            WHEN version.created_at IS NOT NULL
                THEN struct_pack(
                    at := least(version.created_at, numbered.ended_at),
                    shown_by := 'created',
                    known_at := version.first_seen_at
                )
        END AS began,
        greatest(numbered.known_at, numbered.numbered_at, agent.known_at) AS known_at,
        CASE WHEN numbered.ended_at IS NULL THEN TIMESTAMPTZ '9999-12-31 00:00:00+00' ELSE numbered.known_at END
            AS described_at,
        list_sort(
            list_distinct(list_concat(numbered.observed_in, reopened.observed_in, agent.observed_in)), 'ASC'
        ) AS observed_in
    FROM
        numbered
        LEFT JOIN reopened USING (project_id, run_id, attempt)
        LEFT JOIN agent USING (project_id, run_id, attempt)
        INNER JOIN version
            ON numbered.project_id = version.project_id
            AND numbered.run_id = version.run_id
            AND version.is_newest
        LEFT JOIN early
            ON numbered.attempt = 1
            AND numbered.project_id = early.project_id
            AND numbered.run_id = early.run_id
),

-- The two times at which an attempt is described: its end, or now; and the end of the day on which it began.
moment AS (
    SELECT
        project_id,
        task_id,
        run_id,
        attempt,
        'end' AS which,
        described_at,
        coalesce(ended_at, TIMESTAMPTZ '9999-12-31 00:00:00+00') AS judged_at
    FROM
        timed
    UNION ALL
    SELECT
        project_id,
        task_id,
        run_id,
        attempt,
        'start' AS which,
        least(main.day_start(main.day_of(began.at) + 1), described_at) AS described_at,
        least(main.day_start(main.day_of(began.at) + 1), ended_at) AS judged_at
    FROM
        timed
    WHERE
        began.at IS NOT NULL
),

-- Plain bounds: with an ASOF join, DuckDB compares every moment with every version if it expects few of them.
described AS (
    SELECT
        moment.project_id,
        moment.run_id,
        moment.attempt,
        moment.which,
        version.* EXCLUDE (project_id, task_id, run_id, status, is_newest, from_at, to_at, first_seen_at),
        task.repository,
        main.task_visibility(
            presence.absent_since <= moment.judged_at, task.internal, task.archived, task.task_id
        ) AS visibility
    FROM
        moment
        INNER JOIN version
            ON moment.project_id = version.project_id
            AND moment.run_id = version.run_id
            AND moment.described_at >= version.from_at
            AND moment.described_at < version.to_at
        LEFT JOIN task
            ON moment.project_id = task.project_id
            AND moment.task_id = task.task_id
            AND moment.judged_at >= task.from_at
            AND moment.judged_at < task.to_at
        LEFT JOIN presence
            ON moment.project_id = presence.project_id
            AND moment.task_id = presence.task_id
            AND moment.judged_at >= presence.from_at
            AND moment.judged_at < presence.to_at
)

SELECT
    timed.project_id,
    timed.task_id,
    timed.run_id,
    timed.attempt,
    timed.is_last,
    timed.status,
    timed.began.at AS began_at,
    timed.began.shown_by AS began_by,
    timed.started_at,
    timed.ended_at,
    CASE
        WHEN timed.started_at < timed.began.at THEN 0
        ELSE date_diff('millisecond', timed.began.at, timed.started_at) / 1000
    END AS queue_s,
    date_diff('millisecond', timed.began.at, timed.ended_at) / 1000 AS duration_s,
    date_diff('millisecond', timed.started_at, timed.ended_at) / 1000 AS active_s,
    timed.observed_in,
    greatest(
        timed.known_at, CASE WHEN timed.began.shown_by NOT IN ('created', 'scheduled') THEN timed.began.known_at END
    ) AS known_at,
    timed.began.known_at AS began_known_at,
    described.environment,
    described.stage,
    described.branch,
    described.runtime_adapter,
    described.provider,
    described.model,
    described.reasoning_effort,
    CASE WHEN timed.told IS NULL THEN described.pr_url ELSE timed.told.pr_url END AS pr_url,
    CASE WHEN timed.told IS NULL THEN described.error_message ELSE timed.told.error_message END AS error_message,
    described.resume_from_run_id,
    described.repository,
    task.repository AS repository_now,
    task.origin_product,
    task.created_by,
    described.visibility,
    main.task_visibility(presence.absent_since IS NOT NULL, task.internal, task.archived, task.task_id)
        AS visibility_now,
    CASE
        WHEN began.attempt IS NOT NULL
            THEN struct_pack(
                environment := began.environment,
                runtime_adapter := began.runtime_adapter,
                model := began.model,
                repository := began.repository,
                visibility := began.visibility
            )
    END AS at_start
FROM
    timed
    INNER JOIN described
        ON timed.project_id = described.project_id
        AND timed.run_id = described.run_id
        AND timed.attempt = described.attempt
        AND described.which = 'end'
    LEFT JOIN described AS began
        ON timed.project_id = began.project_id
        AND timed.run_id = began.run_id
        AND timed.attempt = began.attempt
        AND began.which = 'start'
    LEFT JOIN task
        ON timed.project_id = task.project_id
        AND timed.task_id = task.task_id
        AND task.is_newest
    LEFT JOIN presence
        ON timed.project_id = presence.project_id
        AND timed.task_id = presence.task_id
        AND presence.is_newest
