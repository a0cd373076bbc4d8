-- One row per project, repository, window and day on which the overall state changed. A repository that comes or goes
-- has a row too, so the `to_state` of one row is the `from_state` of the next. One that comes has it on the first day
-- with information, which can be later than the day on which it came or came back.
-- Key: `project_id`, `repository`, `window_days`, `day`.
--
-- project_id: The PostHog project.
-- repository: `organization/repository`, in lower case.
-- window_days: Number of days of data that the server looked at.
-- day: The first day with the new state, in the time zone of `day_zone()`; or the day on which the repository was gone.
-- from_state: `ready`, `partial`, `detected`, `needs_setup` or `unknown`; NULL if the repository came.
-- to_state: The state from this day on; NULL if the repository went.
-- direction: `up` or `down` in the order `needs_setup`, `detected`, `partial`, `ready`; NULL if the repository came or
--   went, or if a state is not one of these.
-- capability: The capability that decided it: the one that moved the most steps in this direction. Of several, the
--   first of `core_suggestions`, `replay_insights`, `error_insights`. NULL if none did.
-- capability_from: Its state before.
-- capability_to: Its state from this day on.
-- reason: Why it has this state, as one sentence of the server.
-- capability_evidence: What the server counted for it, as JSON, such as `{"matchedEventCount":12}`.
-- cause: The first of these that holds. `presence`: the repository came or went. `classifier`: the server put it into
--   another class, so the states are not comparable. `missing_data`: the days before brought no information, so it is
--   not known when and why it changed. `project`: `capability` moved between `detected` and a higher state, which only
--   a switch of the project does, or it is `error_insights` and moved between `waiting_for_data` and `ready`, since the
--   server looks at the errors of the whole project. `repository`: everything else. Only this change and what was known
--   before decide, so later days never change a cause.
-- cause_id: The same for all changes with one cause. Changes by the project have one for each day, capability and
--   direction; all others have one for each repository, day, cause, capability and direction. The windows of a
--   repository share it.
-- changed_after: The last day with the previous state. The change happened between the two. NULL if the repository
--   came.
-- classification_from: Kind of repository before, according to the server; NULL if the repository came.
-- classification_to: Kind of repository from this day on; NULL if the repository went.
WITH gone AS (
    -- Days on which a repository went.
    SELECT
        project_id,
        repository,
        gone_day AS day
    FROM
        main.repository_periods
    WINDOW
        periods AS (PARTITION BY project_id, repository ORDER BY first_seen_at ASC)
    QUALIFY
        gone_day < coalesce(lead(first_day) OVER periods, DATE '9999-12-31')
),

course AS (
    SELECT
        project_id,
        repository,
        window_days,
        day,
        overall,
        coalesce(classification, '') AS classification,
        core_suggestions_state AS core_suggestions,
        replay_insights_state AS replay_insights,
        error_insights_state AS error_insights,
        generated_at,
        observed_at
    FROM
        main.readiness_trend
    WHERE
        overall IS NOT NULL
    UNION ALL BY NAME
    SELECT
        gone.project_id,
        gone.repository,
        windows.window_days,
        gone.day
    FROM
        gone
        INNER JOIN (
            SELECT DISTINCT
                project_id,
                repository,
                window_days
            FROM
                raw.readiness_snapshots
        ) AS windows
            ON gone.project_id = windows.project_id
            AND gone.repository = windows.repository
),

-- Each known day and the one before; a repository that is gone has no state.
compared AS (
    SELECT
        *,
        lag(day) OVER days AS day_before,
        lag(overall) OVER days AS overall_before,
        lag(classification) OVER days AS classification_before,
        lag(core_suggestions) OVER days AS core_suggestions_before,
        lag(replay_insights) OVER days AS replay_insights_before,
        lag(error_insights) OVER days AS error_insights_before
    FROM
        course
    WINDOW
        days AS (PARTITION BY project_id, repository, window_days ORDER BY day ASC)
    QUALIFY
        overall IS DISTINCT FROM overall_before
),

directed AS (
    SELECT
        *,
        sign(
            nullif(list_position(['needs_setup', 'detected', 'partial', 'ready'], overall), 0)
            - nullif(list_position(['needs_setup', 'detected', 'partial', 'ready'], overall_before), 0)
        ) AS toward
    FROM
        compared
),

-- Steps that each capability moved in the direction of the change.
moved AS (
    SELECT
        *,
        CASE
            WHEN 'not_applicable' NOT IN (core_suggestions, core_suggestions_before)
                THEN toward
                * (main.readiness_steps(core_suggestions) - main.readiness_steps(core_suggestions_before))
        END AS core_suggestions_moved,
        CASE
            WHEN 'not_applicable' NOT IN (replay_insights, replay_insights_before)
                THEN toward
                * (main.readiness_steps(replay_insights) - main.readiness_steps(replay_insights_before))
        END AS replay_insights_moved,
        CASE
            WHEN 'not_applicable' NOT IN (error_insights, error_insights_before)
                THEN toward
                * (main.readiness_steps(error_insights) - main.readiness_steps(error_insights_before))
        END AS error_insights_moved,
        greatest(0, core_suggestions_moved, replay_insights_moved, error_insights_moved) AS most_moved
    FROM
        directed
),

decided AS (
    SELECT
        *,
        CASE
            WHEN most_moved = 0 THEN NULL
            WHEN core_suggestions_moved = most_moved THEN 'core_suggestions'
            WHEN replay_insights_moved = most_moved THEN 'replay_insights'
            WHEN error_insights_moved = most_moved THEN 'error_insights'
        END AS capability,
        CASE capability
            WHEN 'core_suggestions' THEN core_suggestions_before
            WHEN 'replay_insights' THEN replay_insights_before
            WHEN 'error_insights' THEN error_insights_before
        END AS capability_from,
        CASE capability
            WHEN 'core_suggestions' THEN core_suggestions
            WHEN 'replay_insights' THEN replay_insights
            WHEN 'error_insights' THEN error_insights
        END AS capability_to
    FROM
        moved
),

explained AS (
    SELECT
        *,
        CASE toward WHEN 1 THEN 'up' WHEN -1 THEN 'down' END AS direction,
        CASE
            WHEN overall IS NULL OR overall_before IS NULL THEN 'presence'
            WHEN classification <> classification_before THEN 'classifier'
            WHEN day_before < day - 1 THEN 'missing_data'
            WHEN capability_from = 'detected' AND capability_to IN ('waiting_for_data', 'ready') THEN 'project'
            WHEN capability_to = 'detected' AND capability_from IN ('waiting_for_data', 'ready') THEN 'project'
            WHEN capability = 'error_insights'
                AND capability_from IN ('waiting_for_data', 'ready')
                AND capability_to IN ('waiting_for_data', 'ready')
                THEN 'project'
            ELSE 'repository'
        END AS cause
    FROM
        decided
),

answered AS (
    SELECT
        explained.*,
        CASE explained.capability
            WHEN 'core_suggestions' THEN main.event_document(answer.payload) -> '$.coreSuggestions'
            WHEN 'replay_insights' THEN main.event_document(answer.payload) -> '$.replayInsights'
            WHEN 'error_insights' THEN main.event_document(answer.payload) -> '$.errorInsights'
        END AS answered
    FROM
        explained
        LEFT JOIN raw.readiness_snapshots AS answer
            ON explained.project_id = answer.project_id
            AND explained.repository = answer.repository
            AND explained.window_days = answer.window_days
            AND explained.generated_at = answer.generated_at
            AND explained.observed_at = answer.observed_at
)

SELECT
    project_id,
    repository,
    window_days,
    day,
    overall_before AS from_state,
    overall AS to_state,
    direction,
    capability,
    capability_from,
    capability_to,
    answered ->> '$.reason' AS reason,
    CAST(answered -> '$.evidence' AS VARCHAR) AS capability_evidence,
    cause,
    concat_ws(
        '/',
        project_id,
        CASE WHEN cause <> 'project' THEN repository END,
        day,
        cause,
        capability,
        direction
    ) AS cause_id,
    CASE WHEN overall_before IS NOT NULL THEN day_before END AS changed_after,
    CASE WHEN overall_before IS NOT NULL THEN nullif(classification_before, '') END AS classification_from,
    nullif(classification, '') AS classification_to
FROM
    answered
