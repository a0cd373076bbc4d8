-- `FROM readiness_as_of(DATE '2026-01-31')`: one row per project, repository and window that had an answer by the end
-- of a day and was still there: the last answer with information until then.
--
-- project_id: The PostHog project.
-- repository: `organization/repository`.
-- window_days: Number of days of data that the server looked at.
-- as_of: The requested day.
-- day: The day of the answer; NULL if no answer until then had information.
-- age_days: Days between the two.
-- overall: The state.
-- readiness_score: Its score, 0 to 100; see `readiness_trend`.
-- classification: Kind of repository, according to the server.
-- state_since: The first day of the state.
-- days_in_state: Days from then to the requested day, counting the first as 1.
-- first_ready_day: The first day that was `ready`, once there was one.
CREATE MACRO main.readiness_as_of(until_day) AS TABLE
    WITH known AS (
        SELECT
            *,
            CAST(until_day AS DATE) AS as_of
        FROM
            main.readiness_trend
        WHERE
            day <= CAST(until_day AS DATE)
    ),

    period AS (
        SELECT
            *
        FROM
            main.repository_periods
        WHERE
            first_day <= CAST(until_day AS DATE)
        QUALIFY
            row_number() OVER (PARTITION BY project_id, repository ORDER BY first_seen_at DESC) = 1
    ),

    gone AS (
        SELECT
            project_id,
            repository
        FROM
            period
        WHERE
            gone_day <= CAST(until_day AS DATE)
    )

    SELECT
        project_id,
        repository,
        window_days,
        as_of,
        max(day) FILTER (WHERE overall IS NOT NULL) AS day,
        as_of - max(day) FILTER (WHERE overall IS NOT NULL) AS age_days,
        arg_max(overall, day) AS overall,
        arg_max_null(readiness_score, day) FILTER (WHERE overall IS NOT NULL) AS readiness_score,
        arg_max_null(classification, day) FILTER (WHERE overall IS NOT NULL) AS classification,
        max(state_since) AS state_since,
        as_of - max(state_since) + 1 AS days_in_state,
        max(first_ready_day) AS first_ready_day
    FROM
        known
        ANTI JOIN gone USING (project_id, repository)
    GROUP BY
        project_id,
        repository,
        window_days,
        as_of
