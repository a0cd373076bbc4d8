-- One row per project, window and day: how many repositories are in each state. A repository counts from its first
-- answer on, on every day at whose end it is there.
-- Key: `project_id`, `window_days`, `day`.
--
-- project_id: The PostHog project.
-- window_days: Number of days of data that the server looked at.
-- day: The day, in the time zone of `day_zone()`.
-- repositories: Repositories that are there and had an answer by then.
-- ready: Repositories that were `ready` on that day.
-- partial: Repositories that were `partial`.
-- detected: Repositories that were `detected`.
-- needs_setup: Repositories that were `needs_setup`.
-- unknown: Repositories in any other state, including `unknown` (repositories that the server excludes).
-- no_information: Repositories whose answer that day is not based on a scan.
-- missing: Repositories without an answer that day.
-- ready_carried: Repositories that were `ready` on that day or, if the day brought no information, on the last day
--   before it that did; see `readiness_trend.overall_carried`.
-- share_ready: `ready` divided by the repositories with information that day; NULL if there was none.
-- readiness_score: Mean of `readiness_score` over the repositories that have one that day.
-- scored: Number of repositories with a score.
-- changes: Repositories whose state changed on that day.
-- breaks: Repositories whose classification by the server changed on that day.
SELECT
    project_id,
    window_days,
    day,
    count(*) AS repositories,
    count(*) FILTER (WHERE overall = 'ready') AS ready,
    count(*) FILTER (WHERE overall = 'partial') AS partial,
    count(*) FILTER (WHERE overall = 'detected') AS detected,
    count(*) FILTER (WHERE overall = 'needs_setup') AS needs_setup,
    count(*) FILTER (WHERE overall NOT IN ('ready', 'partial', 'detected', 'needs_setup')) AS unknown,
    count(*) FILTER (WHERE overall IS NULL AND evidence IS NOT NULL) AS no_information,
    count(*) FILTER (WHERE evidence IS NULL) AS missing,
    count(*) FILTER (WHERE overall_carried = 'ready') AS ready_carried,
    count(*) FILTER (WHERE overall = 'ready') / nullif(count(overall), 0) AS share_ready,
    -- Of decimals, so that the mean does not depend on the order of the rows.
    round(avg(CAST(readiness_score AS DECIMAL(9, 3))), 1) AS readiness_score,
    count(readiness_score) AS scored,
    count(*) FILTER (WHERE is_change) AS changes,
    count(*) FILTER (WHERE is_break) AS breaks
FROM
    main.readiness_trend
GROUP BY
    project_id,
    window_days,
    day
