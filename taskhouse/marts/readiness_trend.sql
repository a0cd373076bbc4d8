-- One row per project, repository, window and day, from the first answer about it to the last day on which a pass over
-- readiness began and ended. A day at whose end the repository was gone has no row, and its answers do not count. A day
-- without an answer, or with an answer without information, has no state: nothing is filled in.
-- Key: `project_id`, `repository`, `window_days`, `day`.
--
-- project_id: The PostHog project.
-- repository: `organization/repository`, in lower case.
-- window_days: Number of days of data that the server looked at.
-- day: The day, in the time zone of `day_zone()`. If a day has several answers, the last one with information counts.
-- overall: `ready`, `partial`, `detected`, `needs_setup` or `unknown`; NULL if that day brought no information.
-- readiness_score: 0 to 100: the steps reached over all capabilities that apply. Each capability has three steps: its
--   code was found (`detected`), it is switched on (`waiting_for_data`), data arrives (`ready`). NULL if none applies
--   or one is `unknown`.
-- evidence: What the day's answer is based on: `scan`; or `empty_scan`, `no_integration`, `no_token`, `none`, which
--   mean no information. NULL if there was no answer.
-- classification: Kind of repository, according to the server; NULL with `overall`.
-- excluded: Whether the server excludes such repositories.
-- core_suggestions_state: State of the core suggestions.
-- replay_insights_state: State of the replay insights.
-- error_insights_state: State of the error insights, which the server judges for the whole project.
-- evidence_task_count: Session summary tasks about the repository inside the window.
-- generated_at: When the server created the day's answer.
-- observed_at: When it was requested.
-- is_break: Whether the classification changed on this day. What is measured changed too, so the days before and after
--   are not comparable.
-- segment: Number of breaks up to this day, and of times that the repository came back after it was gone for a day or
--   more. Draw lines only within a segment.
-- previous_overall: `overall` on the last day before with information, in the same segment; NULL on a day without.
-- is_change: Whether `overall` differs from `previous_overall`.
-- changed_after: On a day with a change, the last day with the previous state. The change happened between the two.
-- state_since: The first known day of the state on this day, in the same segment. Days without information continue
--   the state.
-- days_in_state: Days in this state, counting the first as 1; NULL on a day without information.
-- overall_carried: `overall` on this day or, if that is NULL, on the last day before with information, in the same
--   segment.
-- first_ready_day: The first day that was `ready`, once there was one.
-- days_to_ready: Days from the first day with information to `first_ready_day`; 0 if it was ready at once.
WITH gone AS (
    -- Days at whose end a repository was gone.
    SELECT
        project_id,
        repository,
        gone_day AS gone_from,
        coalesce(lead(first_day) OVER periods, DATE '9999-12-31') AS gone_until
    FROM
        main.repository_periods
    WINDOW
        periods AS (PARTITION BY project_id, repository ORDER BY first_seen_at ASC)
    QUALIFY
        gone_from < gone_until
),

answer AS NOT MATERIALIZED (
    SELECT
        snapshot.*,
        main.day_of(snapshot.observed_at) AS day,
        epoch_us(main.local_time(snapshot.observed_at)) % 86400000000 AS clock_us,
        coalesce(snapshot.evidence = 'scan' AND snapshot.overall IS NOT NULL, false) AS informed
    FROM
        raw.readiness_snapshots AS snapshot
        LEFT JOIN gone
            ON snapshot.project_id = gone.project_id
            AND snapshot.repository = gone.repository
            AND main.day_of(snapshot.observed_at) >= gone.gone_from
            AND main.day_of(snapshot.observed_at) < gone.gone_until
    WHERE
        gone.gone_from IS NULL
),

-- States as small numbers, so that a course of states sorts and compares as numbers do.
state AS (
    SELECT
        overall,
        classification,
        least(row_number() OVER (ORDER BY overall ASC, classification ASC), 255) AS code
    FROM (
        SELECT DISTINCT
            overall,
            coalesce(classification, '') AS classification
        FROM
            raw.readiness_snapshots
        WHERE
            overall IS NOT NULL
    )
),

-- Each answer as one number: day (17 bits), informed (1), clock (37), state (8). The last of a day is what counts.
course AS (
    SELECT
        answer.project_id,
        answer.repository,
        answer.window_days,
        list_sort(
            list(
                (
                    ((answer.day - DATE '2000-01-01') << 46)
                    | (CAST(answer.informed AS BIGINT) << 45)
                    | (answer.clock_us << 8)
                    | CASE WHEN answer.informed THEN state.code ELSE 0 END
                )
            ),
            'ASC'
        ) AS answers
    FROM
        answer
        LEFT JOIN state
            ON answer.overall = state.overall
            AND coalesce(answer.classification, '') = state.classification
    GROUP BY
        ALL
),

-- A run is a stretch of one state, one answer each day: it ends where the state changes, or a day is missing or comes
-- twice. Of two neighbours, day and state alone then do not differ by one day; before the first there is none.
cut AS (
    SELECT
        *,
        list_filter(
            range(1, len(answers) + 1),
            lambda i: (answers[i] & -70368744177409) - (answers[i - 1] & -70368744177409)
                IS DISTINCT FROM 70368744177664
        ) AS starts
    FROM
        course
),

-- The last day on which the project was looked at, be it in vain.
looked AS (
    SELECT
        project_id,
        max(day) AS last_day
    FROM (
        SELECT
            project_id,
            main.day_of(max(observed_at)) AS day
        FROM
            raw.readiness_snapshots
        GROUP BY
            project_id
        UNION ALL
        SELECT
            project_id,
            main.day_of(max(started_at)) AS day
        FROM
            ledger.passes
        WHERE
            resource = 'readiness'
            AND finished_at IS NOT NULL
        GROUP BY
            project_id
    )
    GROUP BY
        project_id
),

ends AS (
    SELECT
        cut.project_id,
        cut.repository,
        cut.window_days,
        unnest(list_select(answers, starts)) AS first_answer,
        unnest(list_select(answers, list_append(list_transform(starts[2:], lambda i: i - 1), len(answers))))
            AS last_answer,
        unnest(
            list_append(
                list_transform(starts[2:], lambda i: answers[i] >> 46), (looked.last_day - DATE '2000-01-01') + 1
            )
        ) AS next_day
    FROM
        cut
        INNER JOIN looked USING (project_id)
),

run AS (
    SELECT
        project_id,
        repository,
        window_days,
        DATE '2000-01-01' + CAST(first_answer >> 46 AS INTEGER) AS from_day,
        DATE '2000-01-01' + CAST(last_answer >> 46 AS INTEGER) AS to_day,
        DATE '2000-01-01' + CAST(next_day AS INTEGER) AS next_day,
        first_answer & 255 AS code
    FROM
        ends
),

-- Days with more than one answer: few.
repeated AS (
    SELECT DISTINCT
        project_id,
        repository,
        window_days,
        to_day AS day
    FROM
        run
    WHERE
        next_day = to_day
),

missing AS (
    SELECT
        without.*
    FROM
        (
            SELECT
                project_id,
                repository,
                window_days,
                CAST(unnest(generate_series(to_day + 1, next_day - 1, INTERVAL 1 DAY)) AS DATE) AS day
            FROM
                run
            WHERE
                next_day > to_day + 1
        ) AS without
        LEFT JOIN gone
            ON without.project_id = gone.project_id
            AND without.repository = gone.repository
            AND without.day >= gone.gone_from
            AND without.day < gone.gone_until
    WHERE
        gone.gone_from IS NULL
),

-- The first run of every state that stood, with the state before it. A run that another answer of its only day replaced
-- never stood. A return after an absence is one of no state.
entered AS (
    SELECT
        *,
        lag(code) OVER ordered AS previous_code,
        lag(last_day) OVER ordered AS previous_day
    FROM (
        SELECT
            *,
            CASE WHEN next_day = to_day THEN to_day - 1 ELSE to_day END AS last_day
        FROM
            run
        WHERE
            code > 0
            AND next_day > from_day
        UNION ALL BY NAME
        SELECT DISTINCT
            run.project_id,
            run.repository,
            run.window_days,
            gone.gone_until AS from_day,
            0 AS code
        FROM
            gone
            INNER JOIN run
                ON gone.project_id = run.project_id
                AND gone.repository = run.repository
                AND gone.gone_until > run.from_day
            LEFT JOIN gone AS again
                ON gone.project_id = again.project_id
                AND gone.repository = again.repository
                AND gone.gone_until = again.gone_from
        WHERE
            gone.gone_until < DATE '9999-12-31'
            AND again.gone_from IS NULL
    )
    WINDOW
        ordered AS (PARTITION BY project_id, repository, window_days ORDER BY from_day ASC, code ASC)
    QUALIFY
        code = 0
        OR code IS DISTINCT FROM lag(code) OVER ordered
),

stand AS (
    SELECT
        entered.project_id,
        entered.repository,
        entered.window_days,
        entered.from_day AS state_since,
        coalesce(lead(entered.from_day) OVER ordered, DATE '9999-12-31') AS state_until,
        state.overall,
        CASE WHEN before.classification = state.classification THEN before.overall END AS overall_before,
        CASE WHEN before.classification = state.classification THEN entered.previous_day END AS changed_after,
        coalesce(before.classification <> state.classification, false) AS begins_segment,
        count(*) FILTER (WHERE entered.code = 0 OR before.classification <> state.classification) OVER ordered
            AS segment,
        min(entered.from_day) FILTER (WHERE entered.code > 0) OVER ordered AS first_day,
        min(entered.from_day) FILTER (WHERE state.overall = 'ready') OVER ordered AS first_ready_day
    FROM
        entered
        LEFT JOIN state
            ON entered.code = state.code
        LEFT JOIN state AS before
            ON entered.previous_code = before.code
    WINDOW
        ordered AS (
            PARTITION BY entered.project_id, entered.repository, entered.window_days
            ORDER BY entered.from_day ASC, entered.code ASC
        )
),

-- Outer and inner joins rather than ANTI and SEMI: DuckDB takes a filter on the repository through these to both sides.
days AS (
    SELECT
        answer.*
    FROM
        answer
        LEFT JOIN repeated
            ON answer.project_id = repeated.project_id
            AND answer.repository = repeated.repository
            AND answer.window_days = repeated.window_days
            AND answer.day = repeated.day
    WHERE
        repeated.day IS NULL
    UNION ALL BY NAME
    (
        SELECT
            answer.*
        FROM
            answer
            INNER JOIN repeated
                ON answer.project_id = repeated.project_id
                AND answer.repository = repeated.repository
                AND answer.window_days = repeated.window_days
                AND answer.day = repeated.day
        QUALIFY
            row_number() OVER (
                PARTITION BY answer.project_id, answer.repository, answer.window_days, answer.day
                ORDER BY
                    answer.informed DESC,
                    answer.clock_us DESC,
                    answer.overall DESC,
                    coalesce(answer.classification, '') DESC
            ) = 1
    )
    UNION ALL BY NAME
    SELECT
        *
    FROM
        missing
)

SELECT
    days.project_id,
    days.repository,
    days.window_days,
    days.day,
    CASE WHEN days.informed THEN days.overall END AS overall,
    CASE
        WHEN days.informed
            THEN main.readiness_score(
                days.core_suggestions_state, days.replay_insights_state, days.error_insights_state
            )
    END AS readiness_score,
    days.evidence,
    CASE WHEN days.informed THEN days.classification END AS classification,
    CASE WHEN days.informed THEN days.excluded END AS excluded,
    CASE WHEN days.informed THEN days.core_suggestions_state END AS core_suggestions_state,
    CASE WHEN days.informed THEN days.replay_insights_state END AS replay_insights_state,
    CASE WHEN days.informed THEN days.error_insights_state END AS error_insights_state,
    CASE WHEN days.informed THEN days.evidence_task_count END AS evidence_task_count,
    days.generated_at,
    days.observed_at,
    coalesce(stand.begins_segment AND days.day = stand.state_since, false) AS is_break,
    coalesce(stand.segment, 0) AS segment,
    CASE
        WHEN days.informed AND days.day = stand.state_since THEN stand.overall_before
        WHEN days.informed THEN stand.overall
    END AS previous_overall,
    coalesce(days.day = stand.state_since AND stand.overall_before IS NOT NULL, false) AS is_change,
    CASE WHEN days.day = stand.state_since THEN stand.changed_after END AS changed_after,
    CASE WHEN stand.overall IS NOT NULL THEN stand.state_since END AS state_since,
    CASE WHEN days.informed THEN days.day - stand.state_since + 1 END AS days_in_state,
    stand.overall AS overall_carried,
    stand.first_ready_day,
    stand.first_ready_day - stand.first_day AS days_to_ready
FROM
    days
    LEFT JOIN stand
        ON days.project_id = stand.project_id
        AND days.repository = stand.repository
        AND days.window_days = stand.window_days
        AND days.day >= stand.state_since
        AND days.day < stand.state_until
