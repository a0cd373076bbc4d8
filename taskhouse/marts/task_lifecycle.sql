-- One row per task that was ever seen, with the steps of its life: created, run, completed, merged, run again,
-- abandoned. A time that is not known is NULL, and so is what is computed from it.
-- Key: `project_id`, `task_id`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- title: Its title.
-- repository: `organization/repository`, as last seen; NULL if it has none.
-- origin_product: What created it.
-- created_by: The person who created it, by uuid; see `people`.
-- visibility: `listed`, `internal`, `archived` or `absent`, as last seen.
-- status: State of its newest attempt; NULL if it was never run.
-- created_at: When the server created it.
-- first_began_at: When its first attempt began.
-- first_edit_at: When an agent first changed a file for it; NULL if no event shows it. See `run_activity`.
-- first_ended_at: When an attempt first ended.
-- completed_at: When an attempt first completed; `status` says whether it still is.
-- merged_after: Its first merged pull request was merged after this time; NULL if none was seen merged.
-- merged_before: And before this time; see `pr_history`.
-- runs: Its runs.
-- attempts: Attempts of its runs.
-- failures: Attempts that failed.
-- events_known: Of `attempts`, those with captured events.
-- bounces: Attempts that began it again, each counted once: the sum of the next three, without overlaps.
-- reopened: Attempts that reopened a finished run.
-- run_again_after_failure: Attempts that began after the attempt before them, in any of its runs, had failed.
-- reopened_after_merge: Attempts that began after it was seen merged.
-- last_activity_at: When it last moved: the newest of the server's times of the task and its runs, their events, and
--   changes of them that were seen, such as a pull request that was merged. A first sight is no change.
-- as_of: When the newest pass over tasks or runs in this warehouse began, which `is_abandoned` refers to.
-- is_abandoned: Whether it has not moved for seven days of 24 hours before `as_of`, its newest attempt is not
--   `completed`, and it is still there.
-- began_s: Seconds from its creation to `first_began_at`.
-- completed_s: Seconds from its creation to `completed_at`.
-- merged_min_s: Seconds from its creation to `merged_after`: the shortest that merging can have taken.
-- merged_max_s: Seconds from its creation to `merged_before`: the longest that it can have taken.
WITH attempt AS (
    SELECT
        *,
        coalesce(began_at, ended_at) AS place
    FROM
        main.run_attempt_facts
),

request AS (
    SELECT DISTINCT
        named.project_id,
        named.task_id,
        named.pr_url,
        state.merged_after,
        state.merged_before
    FROM
        main.pr_versions AS named
        INNER JOIN main.pr_history AS state
            ON named.project_id = state.project_id
            AND named.pr_url = state.pr_url
            AND state.is_current
),

merged AS (
    SELECT
        project_id,
        task_id,
        min(merged_before) AS merged_before,
        arg_min(merged_after, (merged_before, merged_after)) AS merged_after
    FROM
        request
    GROUP BY
        project_id,
        task_id
),

again AS (
    SELECT
        attempt.*,
        attempt.attempt > 1 AS is_reopened,
        coalesce(lag(attempt.status) OVER task = 'failed', false) AS after_failure,
        coalesce(attempt.began_at > merged.merged_before, false) AS after_merge
    FROM
        attempt
        LEFT JOIN merged
            ON attempt.project_id = merged.project_id
            AND attempt.task_id = merged.task_id
    WINDOW
        task AS (
            PARTITION BY attempt.project_id, attempt.task_id
            ORDER BY attempt.place ASC, attempt.run_id ASC, attempt.attempt ASC
        )
),

ran AS (
    SELECT
        project_id,
        task_id,
        arg_max(status, (place, run_id, attempt)) AS status,
        min(began_at) AS first_began_at,
        min(ended_at) AS first_ended_at,
        min(ended_at) FILTER (WHERE status = 'completed') AS completed_at,
        count(DISTINCT run_id) AS runs,
        count(*) AS attempts,
        count(*) FILTER (WHERE status = 'failed') AS failures,
        count(*) FILTER (WHERE is_reopened OR after_failure OR after_merge) AS bounces,
        count(*) FILTER (WHERE is_reopened) AS reopened,
        count(*) FILTER (WHERE after_failure) AS run_again_after_failure,
        count(*) FILTER (WHERE after_merge) AS reopened_after_merge,
        max(greatest(began_at, started_at, ended_at)) AS moved_at
    FROM
        again
    GROUP BY
        project_id,
        task_id
),

-- A first sight is no change, but a later version is one.
version AS (
    SELECT
        project_id,
        task_id,
        max(greatest(created_at, updated_at, completed_at)) AS server_at,
        max(valid_from) FILTER (WHERE looked_before IS NOT NULL) AS changed_at
    FROM (
        SELECT
            project_id,
            task_id,
            created_at,
            updated_at,
            completed_at,
            valid_from,
            lag(valid_from) OVER (PARTITION BY project_id, run_id ORDER BY valid_from ASC) AS looked_before
        FROM
            raw.run_versions
        UNION ALL BY NAME
        SELECT
            project_id,
            task_id,
            created_at,
            updated_at,
            valid_from,
            lag(valid_from) OVER (PARTITION BY project_id, task_id ORDER BY valid_from ASC) AS looked_before
        FROM
            raw.task_versions
    )
    GROUP BY
        project_id,
        task_id
),

worked AS (
    SELECT
        project_id,
        task_id,
        min(first_edit_at) AS first_edit_at,
        max(last_event_at) AS last_event_at,
        count(*) FILTER (WHERE has_events) AS events_known
    FROM
        main.run_activity
    GROUP BY
        project_id,
        task_id
),

looked AS (
    SELECT
        project_id,
        max(started_at) AS as_of
    FROM
        ledger.passes
    WHERE
        resource IN ('runs', 'tasks')
    GROUP BY
        project_id
),

lived AS (
    SELECT
        task.*,
        ran.* EXCLUDE (project_id, task_id, moved_at),
        merged.merged_after,
        merged.merged_before,
        worked.first_edit_at,
        worked.events_known,
        greatest(
            task.created_at,
            version.server_at,
            version.changed_at,
            ran.moved_at,
            worked.last_event_at
        ) AS last_activity_at,
        looked.as_of
    FROM
        main.tasks AS task
        LEFT JOIN ran
            ON task.project_id = ran.project_id
            AND task.task_id = ran.task_id
        LEFT JOIN merged
            ON task.project_id = merged.project_id
            AND task.task_id = merged.task_id
        LEFT JOIN version
            ON task.project_id = version.project_id
            AND task.task_id = version.task_id
        LEFT JOIN worked
            ON task.project_id = worked.project_id
            AND task.task_id = worked.task_id
        LEFT JOIN looked
            ON task.project_id = looked.project_id
)

SELECT
    project_id,
    task_id,
    title,
    repository,
    origin_product,
    created_by,
    main.task_visibility(absent_since IS NOT NULL, internal, archived, task_id) AS visibility,
    status,
    created_at,
    first_began_at,
    first_edit_at,
    first_ended_at,
    completed_at,
    merged_after,
    merged_before,
    coalesce(runs, 0) AS runs,
    coalesce(attempts, 0) AS attempts,
    coalesce(failures, 0) AS failures,
    coalesce(events_known, 0) AS events_known,
    coalesce(bounces, 0) AS bounces,
    coalesce(reopened, 0) AS reopened,
    coalesce(run_again_after_failure, 0) AS run_again_after_failure,
    coalesce(reopened_after_merge, 0) AS reopened_after_merge,
    last_activity_at,
    as_of,
    absent_since IS NULL AND status IS DISTINCT FROM 'completed' AND epoch(as_of) - epoch(last_activity_at) >= 7 * 86400
        AS is_abandoned,
    date_diff('millisecond', created_at, first_began_at) / 1000 AS began_s,
    date_diff('millisecond', created_at, completed_at) / 1000 AS completed_s,
    date_diff('millisecond', created_at, merged_after) / 1000 AS merged_min_s,
    date_diff('millisecond', created_at, merged_before) / 1000 AS merged_max_s
FROM
    lived
