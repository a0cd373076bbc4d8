-- One row per project, day, repository, model, runtime adapter, origin product, environment and visibility: attempts of
-- runs that began and that ended on that day (see `run_attempts`). An attempt that passes midnight counts as begun on
-- one day and as ended on another. A run that is reopened leaves the day of its first end as it was. Tasks of every
-- visibility count: filter by `visibility` for those in the default list.
-- Key: `project_id`, `day`, `repository`, `model`, `runtime_adapter`, `origin_product`, `environment`, `visibility`.
--
-- project_id: The PostHog project.
-- day: The day, in the time zone of `day_zone()`.
-- repository: Repository of the run's task at the time; NULL if it had none.
-- model: The model; NULL if the server does not say.
-- runtime_adapter: The agent; NULL if the server does not say.
-- origin_product: What created the run's task.
-- environment: `local` or `cloud`.
-- visibility: Whether the task was in the default list at the time: `listed`; or `internal`, `archived` or `absent`.
-- began: Attempts that began on this day.
-- ended: Attempts that ended on this day: `completed` + `failed` + `cancelled`.
-- completed: Attempts that succeeded.
-- failed: Attempts that failed.
-- cancelled: Attempts that were cancelled.
-- success_rate: `completed` divided by `ended`; NULL if nothing ended. To combine rows, add up the counts and
--   divide.
-- duration_p50_s: Median of `duration_s` over the attempts that ended on this day; percentiles cannot be combined.
-- duration_p90_s: 90th percentile of the same.
-- duration_p99_s: 99th percentile of the same.
-- duration_known: Of `ended`, those whose duration is known.
-- queue_p50_s: Median of `queue_s` over the attempts that began on this day and have a start time.
-- queue_p90_s: 90th percentile of the same.
-- queue_known: Of `began`, those that have a start time. An attempt without captured events has none.
-- pull_requests: Attempts that ended on this day and named a pull request then.
-- reopened: Of `began`, those that reopened a finished run.
-- began_late: Of `began`, those that taskhouse learned of, or learned the beginning of, after the day was over.
-- ended_late: Of `ended`, those that taskhouse learned of after the day was over. Only these change a day that is over;
--   what turns out to belong to another day is counted there, as late.
WITH moment AS (
    SELECT
        * REPLACE (
            at_start.environment AS environment,
            at_start.runtime_adapter AS runtime_adapter,
            at_start.model AS model,
            at_start.repository AS repository,
            at_start.visibility AS visibility
        ),
        main.day_of(began_at) AS day,
        true AS begins
    FROM
        main.run_attempts
    WHERE
        began_at IS NOT NULL
    UNION ALL BY NAME
    SELECT
        *,
        main.day_of(ended_at) AS day,
        false AS begins
    FROM
        main.run_attempts
    WHERE
        ended_at IS NOT NULL
)

SELECT
    project_id,
    day,
    repository,
    model,
    runtime_adapter,
    origin_product,
    environment,
    visibility,
    count(*) FILTER (WHERE begins) AS began,
    count(*) FILTER (WHERE NOT begins) AS ended,
    count(*) FILTER (WHERE NOT begins AND status = 'completed') AS completed,
    count(*) FILTER (WHERE NOT begins AND status = 'failed') AS failed,
    count(*) FILTER (WHERE NOT begins AND status = 'cancelled') AS cancelled,
    count(*) FILTER (WHERE NOT begins AND status = 'completed')
        / nullif(count(*) FILTER (WHERE NOT begins), 0) AS success_rate,
    quantile_cont(duration_s, 0.5) FILTER (WHERE NOT begins) AS duration_p50_s,
    quantile_cont(duration_s, 0.9) FILTER (WHERE NOT begins) AS duration_p90_s,
    quantile_cont(duration_s, 0.99) FILTER (WHERE NOT begins) AS duration_p99_s,
    count(duration_s) FILTER (WHERE NOT begins) AS duration_known,
    quantile_cont(queue_s, 0.5) FILTER (WHERE begins) AS queue_p50_s,
    quantile_cont(queue_s, 0.9) FILTER (WHERE begins) AS queue_p90_s,
    count(queue_s) FILTER (WHERE begins) AS queue_known,
    count(pr_url) FILTER (WHERE NOT begins) AS pull_requests,
    count(*) FILTER (WHERE begins AND attempt > 1) AS reopened,
    count(*) FILTER (WHERE begins AND began_known_at >= main.day_start(day + 1)) AS began_late,
    count(*) FILTER (WHERE NOT begins AND known_at >= main.day_start(day + 1)) AS ended_late
FROM
    moment
GROUP BY
    ALL
