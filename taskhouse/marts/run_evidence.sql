-- One row per thing that shows how a run lived: a state that a source reports, or the agent's report that it runs, with
-- the attempt that it belongs to. `run_attempts` rests on it.
-- Key: `project_id`, `run_id`, `observed_at`, `observed_in`, `shown_by`, `status`, `happened_at`, `ended_at`,
-- `known_at`.
--
-- project_id: The PostHog project.
-- run_id: The run.
-- attempt: Number of the attempt within the run, from 1. What follows the last end has the next number, whether or not
--   it shows that the run goes on.
-- observed_in: `version`, `stream` or `log`.
-- shown_by: `version` or `stream` for a state, `agent` for a report of the agent.
-- observed_at: When the version was first seen, or the time of the event.
-- status: Of a state: `not_started`, `queued`, `in_progress`, `completed`, `failed` or `cancelled`.
-- happened_at: When the run was alive: the time of a report, or of a state as in `run_states`. NULL for other states. A
--   report that only the log has, up to a minute after an end, has the time of that end: the clock of the agent may be
--   ahead, and what it reports came before.
-- ended_at: Of a run that is over, when it ended; see `run_states`.
-- is_timed: Whether the server gave `ended_at`; NULL for what is no end.
-- is_again: Whether it only repeats the end before it: it has no time, and nothing shows life since. NULL for what is
--   no end.
-- known_at: When taskhouse learned of it.
-- parted_at: Of the end that begins an attempt after the first, since when it is known to be another end than the one
--   before it.
-- is_near: Of such an end, whether it would be the one before it if nothing showed life between them.
-- pr_url: Of a state in a stream, the pull request that the run names.
-- error_message: Of a state in a stream, why the run failed.
-- is_newest: Whether a state can show that the run goes on; see `run_states`.
WITH shown AS (
    SELECT
        * REPLACE (CASE WHEN ended_at IS NOT NULL THEN is_timed END AS is_timed),
        observed_in AS shown_by
    FROM
        main.run_states
    UNION ALL BY NAME
    SELECT
        project_id,
        run_id,
        CASE layer WHEN 'live' THEN 'stream' ELSE 'log' END AS observed_in,
        'agent' AS shown_by,
        occurred_at AS observed_at,
        occurred_at AS happened_at,
        received_at AS known_at,
        has_server_time
    FROM
        main.run_signals
    WHERE
        signal = 'started'
),

settled AS (
    SELECT
        * EXCLUDE (has_server_time, last_end_at) REPLACE (
            CASE
                WHEN NOT has_server_time AND happened_at <= last_end_at + INTERVAL 1 MINUTE
                    THEN date_trunc('millisecond', last_end_at)
                ELSE happened_at
            END AS happened_at
        )
    FROM (
        SELECT
            *,
            max(ended_at) OVER (PARTITION BY project_id, run_id ORDER BY coalesce(ended_at, happened_at) ASC)
                AS last_end_at
        FROM
            shown
    )
),

-- The same end may come in milliseconds and in microseconds (`epoch_ms` would round those).
placed AS (
    SELECT
        *,
        CASE WHEN ended_ms IS NULL THEN happened_at ELSE max(ended_at) OVER same_time END AS place_at,
        ended_ms IS NOT NULL AND row_number() OVER (same_time
            ORDER BY known_at ASC, observed_at ASC, observed_in ASC, shown_by ASC, status ASC
        ) = 1 AS is_first
    FROM (
        SELECT
            *,
            epoch_us(ended_at) // 1000 AS ended_ms
        FROM
            settled
    )
    WINDOW
        same_time AS (PARTITION BY project_id, run_id, ended_ms)
),

-- A span is an end and what lies between it and the one before it.
spanned AS (
    SELECT
        *,
        count(*) FILTER (WHERE is_first) OVER (
            PARTITION BY project_id, run_id
            ORDER BY place_at ASC NULLS LAST, ended_ms ASC NULLS FIRST, is_first DESC
            ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW
        ) + CASE WHEN ended_ms IS NULL THEN 1 ELSE 0 END AS span
    FROM
        placed
),

lived AS (
    SELECT
        *,
        max(ended_ms) OVER same_span AS span_ms,
        bool_or(is_timed) OVER same_span AS has_time,
        min(known_at) FILTER (WHERE ended_ms IS NOT NULL) OVER same_span AS end_known_at,
        CASE
            WHEN span > 1 THEN min(known_at) FILTER (WHERE happened_at IS NOT NULL) OVER same_span
        END AS alive_known_at
    FROM
        spanned
    WINDOW
        same_span AS (PARTITION BY project_id, run_id, span)
),

-- If nothing shows that the run lived between them, two ends within a minute are one that was corrected, and an end
-- without a time is the one before it, seen again.
repeated AS (
    SELECT
        *,
        span_ms IS NOT NULL AND NOT has_time AND span > 1 AND alive_known_at IS NULL AS is_again,
        span_ms - max(span_ms) FILTER (WHERE has_time OR span = 1 OR alive_known_at IS NOT NULL) OVER (
            PARTITION BY project_id, run_id ORDER BY span ASC RANGE BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        ) AS ms_since
    FROM
        lived
),

begun AS (
    SELECT
        *,
        span_ms IS NOT NULL
        AND NOT is_again
        AND coalesce(alive_known_at IS NOT NULL OR ms_since > 60_000, true) AS begins,
        span > 1 AND coalesce(NOT has_time OR ms_since <= 60_000, false) AS is_near
    FROM
        repeated
)

SELECT
    project_id,
    run_id,
    count(*) FILTER (WHERE is_first AND begins) OVER (PARTITION BY project_id, run_id ORDER BY span ASC)
    + CASE WHEN span_ms IS NULL THEN 1 ELSE 0 END AS attempt,
    observed_in,
    shown_by,
    observed_at,
    status,
    happened_at,
    ended_at,
    is_timed,
    CASE WHEN ended_at IS NOT NULL THEN is_again END AS is_again,
    known_at,
    CASE
        WHEN is_first AND begins AND span > 1
            THEN CASE WHEN is_near THEN alive_known_at ELSE least(end_known_at, alive_known_at) END
    END AS parted_at,
    CASE WHEN is_first AND begins AND span > 1 THEN is_near END AS is_near,
    pr_url,
    error_message,
    is_newest
FROM
    begun
