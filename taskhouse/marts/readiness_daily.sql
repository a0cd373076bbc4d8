-- One row per project, window and day: how many repositories stand where. A repository counts from its first answer on.
--
-- project_id: The PostHog project.
-- window_days: Days that the server looked back for data.
-- day: The day, in the time zone of `day_zone()`.
-- repositories: Repositories that had been looked at by then.
-- ready: Repositories that were `ready` on that day.
-- partial: Repositories that were `partial`.
-- detected: Repositories that were `detected`.
-- needs_setup: Repositories that were `needs_setup`.
-- unknown: Repositories with another state, `unknown` among them (those that the server excludes).
-- no_information: Repositories whose answer that day rests on no scan.
-- missing: Repositories without an answer that day.
-- ready_carried: Repositories that were `ready` on that day or, where it brought nothing, on the last day before that
--   did.
-- share_ready: `ready` over the repositories with information that day; NULL where there was none.
-- readiness_score: Mean of `readiness_score` over the repositories that have one that day.
-- scored: How many those are.
-- changed: Repositories whose state changed that day.
-- breaks: Repositories that the server classified otherwise from that day on.
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
    round(avg(readiness_score), 1) AS readiness_score,
    count(readiness_score) AS scored,
    count(*) FILTER (WHERE changed) AS changed,
    count(*) FILTER (WHERE is_break) AS breaks
FROM
    main.readiness_trend
GROUP BY
    project_id,
    window_days,
    day
