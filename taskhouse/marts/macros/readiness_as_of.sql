-- `FROM readiness_as_of(DATE '2026-01-31')`: one row per project, repository and window that had an answer by the end
-- of a day and was still there: the last answer with information until then. If it was gone and came back, answers from
-- before do not count.
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
    WITH presence AS (
        SELECT
            project_id,
            repository,
            max(first_day) FILTER (WHERE first_day > gone_before) AS back_day,
            arg_max_null(gone_day, first_seen_at) AS gone_day
        FROM (
            SELECT
                *,
                lag(gone_day) OVER (PARTITION BY project_id, repository ORDER BY first_seen_at ASC) AS gone_before
            FROM
                main.repository_periods
            WHERE
                first_day <= CAST(until_day AS DATE)
        )
        GROUP BY
            project_id,
            repository
    ),

    known AS (
        SELECT
            trend.*,
            CAST(until_day AS DATE) AS as_of,
            trend.overall IS NOT NULL AND trend.day >= coalesce(presence.back_day, trend.day) AS counts
        FROM
            main.readiness_trend AS trend
            LEFT JOIN presence
                ON trend.project_id = presence.project_id
                AND trend.repository = presence.repository
        WHERE
            trend.day <= CAST(until_day AS DATE)
            AND coalesce(presence.gone_day > CAST(until_day AS DATE), true)
    )

    SELECT
        project_id,
        repository,
        window_days,
        as_of,
        max(day) FILTER (WHERE counts) AS day,
        as_of - max(day) FILTER (WHERE counts) AS age_days,
        arg_max(overall, day) FILTER (WHERE counts) AS overall,
        arg_max_null(readiness_score, day) FILTER (WHERE counts) AS readiness_score,
        arg_max_null(classification, day) FILTER (WHERE counts) AS classification,
        max(state_since) FILTER (WHERE counts) AS state_since,
        as_of - max(state_since) FILTER (WHERE counts) + 1 AS days_in_state,
        max(first_ready_day) AS first_ready_day
    FROM
        known
    GROUP BY
        project_id,
        repository,
        window_days,
        as_of
