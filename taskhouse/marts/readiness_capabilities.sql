-- One row per project, repository, window, day and capability. It has a row for each row of `readiness_trend` and each
-- of the three capabilities.
-- Key: `project_id`, `repository`, `window_days`, `day`, `capability`.
--
-- project_id: The PostHog project.
-- repository: `organization/repository`, in lower case.
-- window_days: Number of days of data that the server looked at.
-- day: The day, in the time zone of `day_zone()`.
-- capability: `core_suggestions`, `replay_insights` or `error_insights`.
-- evidence: What the day's answer is based on: `scan`; or `empty_scan`, `no_integration`, `no_token`, `none`, which
--   mean no information. NULL if there was no answer.
-- state: `ready`, `waiting_for_data`, `detected`, `needs_setup`, `not_applicable` or `unknown`; NULL if that day
--   brought no information.
-- steps: Steps reached: 3 if `ready`, 2 if `waiting_for_data`, 1 if `detected`, 0 if `needs_setup`. NULL if the
--   capability does not apply, or if its state is not known.
-- reason: Why, as one sentence of the server. A day without information has one too if there was an answer.
-- capability_evidence: What the server counted for this capability, as JSON, such as `{"matchedEventCount":12}`.
-- state_carried: `state` on this day or, if the day brought no information, on the last day before that did, in the
--   same segment of `readiness_trend`: what was known before the repository was gone does not count once it is back.
-- steps_carried: Steps reached in that state.
-- carried_from: The day that `state_carried` comes from: this day, or an earlier one; NULL if none had information.
-- is_blocking: Whether the capability applies and is not ready, judged by `state_carried`. NULL if that is not known.
WITH days AS (
    SELECT
        trend.project_id,
        trend.repository,
        trend.window_days,
        trend.day,
        trend.segment,
        trend.evidence,
        trend.overall IS NOT NULL AS informed,
        trend.core_suggestions_state,
        trend.replay_insights_state,
        trend.error_insights_state,
        answer.payload
    FROM
        main.readiness_trend AS trend
        LEFT JOIN raw.readiness_snapshots AS answer
            ON trend.project_id = answer.project_id
            AND trend.repository = answer.repository
            AND trend.window_days = answer.window_days
            AND trend.generated_at = answer.generated_at
            AND trend.observed_at = answer.observed_at
),

long AS (
    SELECT
        days.project_id,
        days.repository,
        days.window_days,
        days.day,
        days.segment,
        capability.capability,
        days.evidence,
        days.informed,
        CASE capability.capability
            WHEN 'core_suggestions' THEN days.core_suggestions_state
            WHEN 'replay_insights' THEN days.replay_insights_state
            WHEN 'error_insights' THEN days.error_insights_state
        END AS state,
        CASE capability.capability
            WHEN 'core_suggestions' THEN days.payload -> '$.coreSuggestions'
            WHEN 'replay_insights' THEN days.payload -> '$.replayInsights'
            WHEN 'error_insights' THEN days.payload -> '$.errorInsights'
        END AS answered
    FROM
        days
        CROSS JOIN (
            SELECT
                unnest(['core_suggestions', 'replay_insights', 'error_insights']) AS capability
        ) AS capability
),

carried AS (
    SELECT
        *,
        max(CASE WHEN informed THEN day END) OVER until_day AS carried_from,
        last_value(CASE WHEN informed THEN coalesce(state, 'unknown') END IGNORE NULLS) OVER until_day AS state_carried
    FROM
        long
    WINDOW
        until_day AS (PARTITION BY project_id, repository, window_days, capability, segment ORDER BY day ASC)
)

SELECT
    project_id,
    repository,
    window_days,
    day,
    capability,
    evidence,
    state,
    CASE WHEN state <> 'not_applicable' THEN main.readiness_steps(state) END AS steps,
    answered ->> '$.reason' AS reason,
    CAST(answered -> '$.evidence' AS VARCHAR) AS capability_evidence,
    state_carried,
    CASE WHEN state_carried <> 'not_applicable' THEN main.readiness_steps(state_carried) END AS steps_carried,
    carried_from,
    state_carried NOT IN ('ready', 'not_applicable') AS is_blocking
FROM
    carried
