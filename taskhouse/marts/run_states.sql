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
--   an end before it, since not every change of a run moves it. NULL if the run is over.
-- ended_at: Of a run that is over, when it ended, according to the server. If the server gives no time, when that was
--   first observed. NULL if the run goes on.
-- known_at: When taskhouse learned of it.
-- pr_url: Of a state in a stream, the pull request that the run names.
-- error_message: Of a state in a stream, why the run failed.
-- is_newest: Whether it is the newest version of the run; of a state in a stream, whether no end follows it there.
WITH state AS (
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
        lead(valid_from) OVER (PARTITION BY project_id, run_id ORDER BY valid_from) IS NULL AS is_newest
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

placed AS (
    SELECT
        *,
        status IN ('completed', 'failed', 'cancelled') AS is_over,
        -- A stretch of states that are over, between two that are not.
        count(*) FILTER (WHERE status NOT IN ('completed', 'failed', 'cancelled')) OVER source AS stretch,
        max(completed_at) OVER (
            PARTITION BY project_id, run_id, observed_in
            ORDER BY observed_at, place
            ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS ended_before,
        count(*) FILTER (WHERE status IN ('completed', 'failed', 'cancelled')) OVER (
            PARTITION BY project_id, run_id, observed_in
            ORDER BY observed_at, place
            ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING
        ) AS ends_after
    FROM
        state
    WHERE
        status IS NOT NULL
    WINDOW
        source AS (PARTITION BY project_id, run_id, observed_in ORDER BY observed_at, place)
)

SELECT
    project_id,
    run_id,
    observed_in,
    observed_at,
    status,
    CASE
        WHEN is_over THEN NULL
        WHEN updated_at <= ended_before THEN observed_at
        ELSE coalesce(updated_at, observed_at)
    END AS happened_at,
    CASE
        WHEN is_over
            THEN coalesce(
                completed_at,
                first_value(completed_at IGNORE NULLS) OVER same_stretch,
                first_value(observed_at) OVER same_stretch
            )
    END AS ended_at,
    CASE
        WHEN is_over AND completed_at IS NULL
            THEN greatest(
                known_at,
                first_value(CASE WHEN completed_at IS NOT NULL THEN known_at END IGNORE NULLS) OVER same_stretch
            )
        ELSE known_at
    END AS known_at,
    pr_url,
    error_message,
    CASE WHEN observed_in = 'version' THEN is_newest ELSE is_over OR ends_after = 0 END AS is_newest
FROM
    placed
WINDOW
    same_stretch AS (
        PARTITION BY project_id, run_id, observed_in, stretch, is_over
        ORDER BY observed_at, place
        ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING
    )
