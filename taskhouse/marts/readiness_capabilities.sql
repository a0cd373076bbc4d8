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
WITH carried AS (
    SELECT
        *,
        max(CASE WHEN overall IS NOT NULL THEN day END) OVER until_day AS carried_from,
        last_value(
            CASE WHEN overall IS NOT NULL THEN coalesce(core_suggestions_state, 'unknown') END IGNORE NULLS
        ) OVER until_day AS core_suggestions_carried,
        last_value(
            CASE WHEN overall IS NOT NULL THEN coalesce(replay_insights_state, 'unknown') END IGNORE NULLS
        ) OVER until_day AS replay_insights_carried,
        last_value(
            CASE WHEN overall IS NOT NULL THEN coalesce(error_insights_state, 'unknown') END IGNORE NULLS
        ) OVER until_day AS error_insights_carried
    FROM
        main.readiness_trend
    WINDOW
        until_day AS (PARTITION BY project_id, repository, window_days, segment ORDER BY day ASC)
),

-- After the windows, where a filter has left out other days, and before a day becomes three rows.
read AS (
    SELECT
        carried.*,
        main.event_document(answer.payload) AS document
    FROM
        carried
        LEFT JOIN raw.readiness_snapshots AS answer
            ON carried.project_id = answer.project_id
            AND carried.repository = answer.repository
            AND carried.window_days = answer.window_days
            AND carried.generated_at = answer.generated_at
            AND carried.observed_at = answer.observed_at
),

long AS (
    SELECT
        read.project_id,
        read.repository,
        read.window_days,
        read.day,
        capability.capability,
        read.evidence,
        CASE capability.capability
            WHEN 'core_suggestions' THEN read.core_suggestions_state
            WHEN 'replay_insights' THEN read.replay_insights_state
            WHEN 'error_insights' THEN read.error_insights_state
        END AS state,
        CASE capability.capability
            WHEN 'core_suggestions' THEN read.document -> '$.coreSuggestions'
            WHEN 'replay_insights' THEN read.document -> '$.replayInsights'
            WHEN 'error_insights' THEN read.document -> '$.errorInsights'
        END AS answered,
        CASE capability.capability
            WHEN 'core_suggestions' THEN read.core_suggestions_carried
            WHEN 'replay_insights' THEN read.replay_insights_carried
            WHEN 'error_insights' THEN read.error_insights_carried
        END AS state_carried,
        read.carried_from
    FROM
        read
        CROSS JOIN (
            SELECT
                unnest(['core_suggestions', 'replay_insights', 'error_insights']) AS capability
        ) AS capability
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
    long
