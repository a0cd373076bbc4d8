-- One row per state of a run that a source reports: each version as the API returned it, and each state in its event
-- stream. `run_attempts` rests on it.
-- Key: `project_id`, `run_id`, `observed_at`, `observed_in`, `status`, `happened_at`, `ended_at`.
--
-- project_id: The PostHog project.
-- run_id: The run.
-- observed_in: `version` or `stream`.
-- observed_at: When the version was first seen, or the server's time of the event.
-- status: `not_started`, `queued`, `in_progress`, `completed`, `failed` or `cancelled`.
-- happened_at: Of a run that goes on, the server's time of the state. `observed_at` if the server's time is older than
--   an end before it, since not every change of a run moves it. NULL if the run is over, and if the state came too
--   late: a run that is reopened is `queued` first, so `in_progress` in a stream shows no life if it directly follows
--   an end, within a minute or with an older time of the server, and no agent starts before the next state.
-- ended_at: Of a run that is over, when it ended, according to the server. If the server gives no time, it is the one
--   that the source gives for the same end before or later; without one, it is when the end was first observed there. A
--   time later than the observation, by more than a minute, is that of another end. NULL if the run goes on.
-- is_timed: Whether the server gave `ended_at`.
-- known_at: When taskhouse learned of it, and for an `in_progress` after an end, of the start of the agent.
-- pr_url: Of a state in a stream, the pull request that the run names.
-- error_message: Of a state in a stream, why the run failed.
-- is_newest: Whether it is the newest version of the run; of a state in a stream, whether no end follows it there.
WITH state AS NOT MATERIALIZED (
    SELECT
        project_id,
        run_id,
        'version' AS observed_in,
        valid_from AS observed_at,
        0 AS place,
        status,
        updated_at,
        completed_at,
        valid_from AS known_at,
        lead(valid_from) OVER (PARTITION BY project_id, run_id ORDER BY valid_from ASC) IS NULL AS is_newest
    FROM
        raw.run_versions
    UNION ALL BY NAME
    SELECT
        project_id,
        run_id,
        'stream' AS observed_in,
        occurred_at AS observed_at,
        place,
        status,
        updated_at,
        completed_at,
        received_at AS known_at,
        pr_url,
        error_message,
        true AS is_newest
    FROM
        main.run_signals
    WHERE
        signal = 'state'
),

ordered AS NOT MATERIALIZED (
    SELECT
        *,
        status IN ('completed', 'failed', 'cancelled') AS is_over,
        max(completed_at) OVER earlier AS ended_before,
        max(observed_at) FILTER (WHERE status IN ('completed', 'failed', 'cancelled')) OVER earlier AS over_before,
        count(CASE WHEN status IN ('completed', 'failed', 'cancelled') THEN 1 END) OVER earlier AS ends_before,
        count(*) FILTER (WHERE status IN ('completed', 'failed', 'cancelled')) OVER (
            PARTITION BY project_id, run_id, observed_in
            ORDER BY observed_at ASC, place ASC
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS ends_after,
        lead(observed_at) OVER (PARTITION BY project_id, run_id, observed_in ORDER BY observed_at ASC, place ASC)
            AS next_at
    FROM
        state
    WHERE
        status IS NOT NULL
    WINDOW
        earlier AS (
            PARTITION BY project_id, run_id, observed_in
            ORDER BY observed_at ASC, place ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
),

leftover AS (
    SELECT
        *
    FROM
        ordered
    QUALIFY
        status = 'in_progress'
        AND observed_in = 'stream'
        AND (updated_at <= ended_before OR observed_at <= over_before + INTERVAL 1 MINUTE)
        AND count(*) FILTER (WHERE status IN ('not_started', 'queued')) OVER (
            PARTITION BY project_id, run_id, observed_in, ends_before ORDER BY observed_at ASC, place ASC
        ) = 0
),

-- Whether an agent started, and since when that is known. An outer join rather than ANTI: DuckDB takes a filter on the
-- run through it to both sides.
judged AS (
    SELECT
        leftover.project_id,
        leftover.run_id,
        leftover.observed_at,
        leftover.place,
        min(started.received_at) AS started_known_at
    FROM
        leftover
        LEFT JOIN (FROM main.run_signals WHERE signal = 'started') AS started
            ON leftover.project_id = started.project_id
            AND leftover.run_id = started.run_id
            AND started.occurred_at > leftover.over_before
            AND started.occurred_at <= coalesce(leftover.next_at, TIMESTAMPTZ 'infinity')
    GROUP BY
        leftover.project_id,
        leftover.run_id,
        leftover.observed_at,
        leftover.place
),

placed AS (
    SELECT
        ordered.* REPLACE (greatest(ordered.known_at, judged.started_known_at) AS known_at),
        judged.run_id IS NOT NULL AND judged.started_known_at IS NULL AS is_late,
        -- A stretch of states that are over, between two that are not.
        count(*) FILTER (
            WHERE NOT ordered.is_over AND (judged.run_id IS NULL OR judged.started_known_at IS NOT NULL)
        ) OVER (
            PARTITION BY ordered.project_id, ordered.run_id, ordered.observed_in
            ORDER BY ordered.observed_at ASC, ordered.place ASC
        ) AS stretch
    FROM
        ordered
        LEFT JOIN judged
            ON ordered.project_id = judged.project_id
            AND ordered.run_id = judged.run_id
            AND ordered.observed_in = 'stream'
            AND ordered.observed_at = judged.observed_at
            AND ordered.place = judged.place
),

-- The first time that a stretch has for its end, unless what is seen to be over came before it.
dated AS (
    SELECT
        *,
        first_value(observed_at) OVER same_stretch AS first_observed_at,
        CASE
            WHEN completed_at IS NULL AND first_value(completed_at IGNORE NULLS) OVER same_stretch
                <= observed_at + INTERVAL 1 MINUTE
                THEN first_value(
                    CASE
                        WHEN completed_at IS NOT NULL THEN struct_pack(ended_at := completed_at, known_at := known_at)
                    END IGNORE NULLS
                ) OVER same_stretch
        END AS elsewhere
    FROM
        placed
    WINDOW
        same_stretch AS (
            PARTITION BY project_id, run_id, observed_in, stretch, is_over
            ORDER BY observed_at ASC, place ASC
            ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
        )
)

SELECT
    project_id,
    run_id,
    observed_in,
    observed_at,
    status,
    CASE
        WHEN is_over OR is_late THEN NULL
        WHEN updated_at <= ended_before THEN observed_at
        ELSE coalesce(updated_at, observed_at)
    END AS happened_at,
    CASE WHEN is_over THEN coalesce(completed_at, elsewhere.ended_at, first_observed_at) END AS ended_at,
    is_over AND coalesce(completed_at, elsewhere.ended_at) IS NOT NULL AS is_timed,
    CASE WHEN is_over THEN greatest(known_at, elsewhere.known_at) ELSE known_at END AS known_at,
    pr_url,
    error_message,
    CASE WHEN observed_in = 'version' THEN is_newest ELSE is_over OR ends_after = 0 END AS is_newest
FROM
    dated
