-- One row per project, resource and day, from the first day on which the resource was read to the last day on which
-- anything in the project was read. A day without a pass has a row too.
-- Key: `project_id`, `resource`, `day`.
--
-- project_id: The PostHog project; NULL for spool damage that names no project.
-- resource: `tasks`, `repositories`, `readiness`, `runs`, `run_events` or `tail`. The row of `run_events` includes what
--   `tail` captured.
-- day: The day on which passes began and rows arrived, in the time zone of `day_zone()`.
-- passes: Passes that began.
-- complete: Passes that proved everything.
-- incomplete: Passes that did not.
-- running: Passes that have not ended.
-- is_covered: Whether at least one pass was complete.
-- last_complete_at: When the last complete pass ended.
-- proven_at: When the oldest page was read that the last complete pass is based on; NULL until everything was read.
-- reason: Why the last incomplete pass was incomplete.
-- reason_code: The most serious of its reasons, as a code that `docs/runbook.md` explains; NULL if that is not known.
-- requests: Requests that were made.
-- retries: Requests that were retries.
-- throttled_s: Seconds of waiting that the server asked for.
-- rows_seen: Rows that were received.
-- rows_added: Rows that were new.
-- quarantined: Unreadable records that were found on that day and have not been replayed. Spool damage and irregular
--   events and logs count for `run_events`.
-- live_events: For `run_events`, live events that were read on that day.
-- log_entries: For `run_events`, log entries that were read on that day.
-- segments: For `run_events`, spool segments that brought them.
-- lag_p50_s: For `run_events`, median seconds from a live event to its reading. A replay after an outage is always
--   late.
-- lag_p99_s: 99th percentile of the same.
-- gaps: For `run_events`, gaps that were found on that day and are still open.
-- certain_gaps: Gaps that the agent's own numbering proves or that the server announced.
WITH pass AS (
    SELECT
        project_id,
        resource,
        main.day_of(started_at) AS day,
        count(*) AS passes,
        count(*) FILTER (WHERE verdict = 'complete') AS complete,
        count(*) FILTER (WHERE verdict = 'incomplete') AS incomplete,
        count(*) FILTER (WHERE verdict = 'running') AS running,
        max(finished_at) FILTER (WHERE verdict = 'complete') AS last_complete_at,
        arg_max_null(proven_at, started_at) FILTER (WHERE verdict = 'complete') AS proven_at,
        arg_max(reason, started_at) FILTER (WHERE verdict = 'incomplete') AS reason,
        arg_max_null(reason_code, started_at) FILTER (WHERE verdict = 'incomplete') AS reason_code,
        CAST(sum(requests) AS BIGINT) AS requests,
        CAST(sum(retries) AS BIGINT) AS retries,
        sum(throttled_s) AS throttled_s,
        CAST(sum(rows_seen) AS BIGINT) AS rows_seen,
        CAST(sum(rows_added) AS BIGINT) AS rows_added
    FROM
        ledger.passes
    GROUP BY
        ALL
),

-- Not date_diff, which takes twenty times as long for each event.
live AS (
    SELECT
        project_id,
        'run_events' AS resource,
        main.day_of(received_at) AS day,
        count(*) AS live_events,
        count(DISTINCT segment) AS segments,
        quantile_cont(epoch_us(received_at) // 1000 - epoch_us(occurred_at) // 1000, [0.5, 0.99]) AS lags_ms
    FROM
        raw.run_events
    GROUP BY
        ALL
),

log AS (
    SELECT
        project_id,
        'run_events' AS resource,
        main.day_of(received_at) AS day,
        count(*) AS log_entries,
        count(DISTINCT segment) AS segments
    FROM
        raw.run_log_entries
    GROUP BY
        ALL
),

hole AS (
    SELECT
        project_id,
        'run_events' AS resource,
        main.day_of(detected_at) AS day,
        count(*) AS gaps,
        count(*) FILTER (WHERE certain) AS certain_gaps
    FROM
        ledger.gaps
    WHERE
        NOT repaired_from_log
    GROUP BY
        ALL
),

bad AS (
    SELECT
        project_id,
        CASE resource
            WHEN 'run_log' THEN 'run_events'
            WHEN 'spool' THEN 'run_events'
            WHEN 'summaries' THEN 'tasks'
            ELSE resource
        END AS resource,
        main.day_of(first_seen_at) AS day,
        count(*) AS quarantined
    FROM
        ledger.quarantine
    WHERE
        replayed_at IS NULL
    GROUP BY
        ALL
),

-- The first and the last day of events alone: if they came from the rows above, DuckDB would compute all of these for
-- one day, too.
seen AS (
    SELECT project_id, resource, day FROM pass
    UNION ALL
    SELECT
        project_id,
        'run_events' AS resource,
        main.day_of(unnest([min(received_at), max(received_at)])) AS day
    FROM
        raw.run_events
    GROUP BY
        project_id
    UNION ALL
    SELECT
        project_id,
        'run_events' AS resource,
        main.day_of(unnest([min(received_at), max(received_at)])) AS day
    FROM
        raw.run_log_entries
    GROUP BY
        project_id
    UNION ALL
    SELECT project_id, resource, day FROM hole
    UNION ALL
    SELECT project_id, resource, day FROM bad
),

calendar AS (
    SELECT
        resource.project_id,
        resource.resource,
        CAST(unnest(generate_series(resource.first_day, project.last_day, INTERVAL 1 DAY)) AS DATE) AS day
    FROM
        (SELECT project_id, resource, min(day) AS first_day FROM seen GROUP BY project_id, resource) AS resource
        INNER JOIN (SELECT project_id, max(day) AS last_day FROM seen GROUP BY project_id) AS project
            ON resource.project_id IS NOT DISTINCT FROM project.project_id
)

SELECT
    calendar.project_id,
    calendar.resource,
    calendar.day,
    coalesce(pass.passes, 0) AS passes,
    coalesce(pass.complete, 0) AS complete,
    coalesce(pass.incomplete, 0) AS incomplete,
    coalesce(pass.running, 0) AS running,
    coalesce(pass.complete, 0) > 0 AS is_covered,
    pass.last_complete_at,
    pass.proven_at,
    pass.reason,
    pass.reason_code,
    coalesce(pass.requests, 0) AS requests,
    coalesce(pass.retries, 0) AS retries,
    coalesce(pass.throttled_s, 0) AS throttled_s,
    coalesce(pass.rows_seen, 0) AS rows_seen,
    coalesce(pass.rows_added, 0) AS rows_added,
    coalesce(bad.quarantined, 0) AS quarantined,
    CASE WHEN calendar.resource = 'run_events' THEN coalesce(live.live_events, 0) END AS live_events,
    CASE WHEN calendar.resource = 'run_events' THEN coalesce(log.log_entries, 0) END AS log_entries,
    CASE WHEN calendar.resource = 'run_events' THEN coalesce(live.segments, 0) + coalesce(log.segments, 0) END
        AS segments,
    live.lags_ms[1] / 1000 AS lag_p50_s,
    live.lags_ms[2] / 1000 AS lag_p99_s,
    CASE WHEN calendar.resource = 'run_events' THEN coalesce(hole.gaps, 0) END AS gaps,
    CASE WHEN calendar.resource = 'run_events' THEN coalesce(hole.certain_gaps, 0) END AS certain_gaps
FROM
    calendar
    LEFT JOIN pass USING (project_id, resource, day)
    LEFT JOIN live USING (project_id, resource, day)
    LEFT JOIN log USING (project_id, resource, day)
    LEFT JOIN hole USING (project_id, resource, day)
    LEFT JOIN bad
        ON calendar.project_id IS NOT DISTINCT FROM bad.project_id
        AND calendar.resource = bad.resource
        AND calendar.day = bad.day
