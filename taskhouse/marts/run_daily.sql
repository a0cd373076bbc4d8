-- One row per project, day, repository, model, runtime adapter, origin product and environment: runs that were created
-- and runs that ended on that day. A run that passes midnight counts as created on one day and as finished on another.
--
-- project_id: The PostHog project.
-- day: The day, in the time zone of `day_zone()`.
-- repository: Repository of the run's task; NULL if it has none.
-- model: The model; NULL if the server does not say.
-- runtime_adapter: The agent; NULL if the server does not say.
-- origin_product: What created the run's task.
-- environment: `local` or `cloud`.
-- created: Runs that were created on this day.
-- ended: Runs that ended on this day: `completed` + `failed` + `cancelled`.
-- completed: Runs that succeeded.
-- failed: Runs that failed.
-- cancelled: Runs that were cancelled.
-- success_rate: `completed` divided by `ended`; NULL if nothing ended. To combine rows, add up the counts and
--   divide.
-- duration_p50_s: Median of `duration_s` over the runs that ended on this day; percentiles cannot be combined.
-- duration_p90_s: 90th percentile of the same.
-- duration_p99_s: 99th percentile of the same.
-- queue_p50_s: Median of `queue_s` over the runs that were created on this day and have a start time.
-- queue_p90_s: 90th percentile of the same.
-- pull_requests: Runs that ended on this day and name a pull request.
WITH moment AS (
    SELECT
        *,
        main.day_of(created_at) AS day,
        true AS begins
    FROM
        main.runs
    WHERE
        created_at IS NOT NULL
    UNION ALL BY NAME
    SELECT
        *,
        main.day_of(completed_at) AS day,
        false AS begins
    FROM
        main.runs
    WHERE
        completed_at IS NOT NULL
        AND status IN ('completed', 'failed', 'cancelled')
)

SELECT
    project_id,
    day,
    repository,
    model,
    runtime_adapter,
    origin_product,
    environment,
    count(*) FILTER (WHERE begins) AS created,
    count(*) FILTER (WHERE NOT begins) AS ended,
    count(*) FILTER (WHERE NOT begins AND status = 'completed') AS completed,
    count(*) FILTER (WHERE NOT begins AND status = 'failed') AS failed,
    count(*) FILTER (WHERE NOT begins AND status = 'cancelled') AS cancelled,
    count(*) FILTER (WHERE NOT begins AND status = 'completed')
        / nullif(count(*) FILTER (WHERE NOT begins), 0) AS success_rate,
    quantile_cont(duration_s, 0.5) FILTER (WHERE NOT begins) AS duration_p50_s,
    quantile_cont(duration_s, 0.9) FILTER (WHERE NOT begins) AS duration_p90_s,
    quantile_cont(duration_s, 0.99) FILTER (WHERE NOT begins) AS duration_p99_s,
    quantile_cont(queue_s, 0.5) FILTER (WHERE begins) AS queue_p50_s,
    quantile_cont(queue_s, 0.9) FILTER (WHERE begins) AS queue_p90_s,
    count(pr_url) FILTER (WHERE NOT begins) AS pull_requests
FROM
    moment
GROUP BY
    ALL
