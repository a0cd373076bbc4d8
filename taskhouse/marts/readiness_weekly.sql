-- One row per project, window and week: how many repositories are in each state on a usual day of the week. Every
-- number is the median over the days of the week, so the counts need not add up. A day without information counts with
-- the last known states.
-- Key: `project_id`, `window_days`, `week`.
--
-- project_id: The PostHog project.
-- window_days: Number of days of data that the server looked at.
-- week: The Monday on which the week begins, in the time zone of `day_zone()`.
-- is_over: Whether there are days after the week, so that the row is final. The newest week is usually not over.
-- days: Days of the week in the history: 7, or fewer in the first and the newest week.
-- days_with_information: Days on which at least one repository had information.
-- repositories: Repositories that are there and had an answer by then: the denominator of every share.
-- ready: Repositories whose last known state is `ready`.
-- partial: Repositories whose last known state is `partial`.
-- detected: Repositories whose last known state is `detected`.
-- needs_setup: Repositories whose last known state is `needs_setup`.
-- unknown: All other repositories: in any other state, or without information so far or since they came back.
-- share_ready: `ready` divided by `repositories`, for each day before the median is taken.
-- share_partial: The share of `partial`.
-- share_detected: The share of `detected`.
-- share_needs_setup: The share of `needs_setup`.
-- share_unknown: The share of `unknown`.
WITH daily AS (
    SELECT
        project_id,
        window_days,
        day,
        main.monday_of(day) AS week,
        count(*) AS repositories,
        count(overall) > 0 AS has_information,
        count(*) FILTER (WHERE overall_carried = 'ready') AS ready,
        count(*) FILTER (WHERE overall_carried = 'partial') AS partial,
        count(*) FILTER (WHERE overall_carried = 'detected') AS detected,
        count(*) FILTER (WHERE overall_carried = 'needs_setup') AS needs_setup,
        count(*) FILTER (
            WHERE coalesce(overall_carried, '') NOT IN ('ready', 'partial', 'detected', 'needs_setup')
        ) AS unknown
    FROM
        main.readiness_trend
    GROUP BY
        project_id,
        window_days,
        day
),

dated AS (
    SELECT
        *,
        max(day) OVER (PARTITION BY project_id) AS last_day
    FROM
        daily
)

SELECT
    project_id,
    window_days,
    week,
    max(last_day) > week + 6 AS is_over,
    count(*) AS days,
    count(*) FILTER (WHERE has_information) AS days_with_information,
    median(repositories) AS repositories,
    median(ready) AS ready,
    median(partial) AS partial,
    median(detected) AS detected,
    median(needs_setup) AS needs_setup,
    median(unknown) AS unknown,
    median(ready / repositories) AS share_ready,
    median(partial / repositories) AS share_partial,
    median(detected / repositories) AS share_detected,
    median(needs_setup / repositories) AS share_needs_setup,
    median(unknown / repositories) AS share_unknown
FROM
    dated
GROUP BY
    project_id,
    window_days,
    week
