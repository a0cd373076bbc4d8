-- One row per project that was ever read, with what is known of it. A number is NULL, and not 0, until tasks,
-- repositories or runs were read completely once.
-- Key: `project_id`.
--
-- project_id: The PostHog project.
-- first_seen_at: When the first pass over it began.
-- last_seen_at: When the newest complete pass over it began; NULL if none was complete.
-- tasks: Tasks that were ever seen.
-- tasks_present: Of these, those that are still there.
-- tasks_without_creator: Of `tasks`, those whose creator PostHog does not name; `people` leaves them out.
-- people: People who created a task.
-- repositories: Repositories that are there now, by the list of repositories.
-- runs: Runs that were ever seen.
-- attempts: Attempts of these runs.
-- completed: Attempts that completed.
-- failed: Attempts that failed.
-- cancelled: Attempts that were cancelled.
-- going_on: Attempts that have not ended.
-- events_known: Of `attempts`, those with captured events. Views that rest on events leave the others out.
-- pull_requests: Pull requests that runs name.
-- merged: Of these, those that were seen merged.
WITH looked AS (
    SELECT
        project_id,
        min(started_at) AS first_seen_at,
        max(started_at) FILTER (WHERE verdict = 'complete') AS last_seen_at,
        -- What there is none of once its list was read; before that, it is not known.
        CASE WHEN bool_or(verdict = 'complete' AND resource = 'tasks') THEN 0 END AS no_tasks,
        CASE WHEN bool_or(verdict = 'complete' AND resource = 'repositories') THEN 0 END AS no_repositories,
        CASE WHEN bool_or(verdict = 'complete' AND resource = 'runs') THEN 0 END AS no_runs
    FROM
        ledger.passes
    WHERE
        project_id IS NOT NULL
    GROUP BY
        project_id
),

task AS (
    SELECT
        project_id,
        count(*) AS tasks,
        count(*) FILTER (WHERE absent_since IS NULL) AS tasks_present,
        count(*) FILTER (WHERE created_by IS NULL) AS tasks_without_creator,
        count(DISTINCT created_by) AS people
    FROM
        main.tasks
    GROUP BY
        project_id
),

repository AS (
    SELECT
        project_id,
        count(DISTINCT repository) AS repositories
    FROM
        raw.repository_sightings
    WHERE
        absent_since IS NULL
    GROUP BY
        project_id
),

ran AS (
    SELECT
        project_id,
        count(DISTINCT run_id) AS runs,
        count(*) AS attempts,
        count(*) FILTER (WHERE status = 'completed') AS completed,
        count(*) FILTER (WHERE status = 'failed') AS failed,
        count(*) FILTER (WHERE status = 'cancelled') AS cancelled,
        count(*) FILTER (WHERE ended_at IS NULL) AS going_on
    FROM
        main.run_attempt_facts
    GROUP BY
        project_id
),

worked AS (
    SELECT
        project_id,
        count(*) FILTER (WHERE has_events) AS events_known
    FROM
        main.run_activity
    GROUP BY
        project_id
),

request AS (
    SELECT
        project_id,
        count(*) AS pull_requests,
        count(merged_before) AS merged
    FROM
        main.pr_history
    WHERE
        is_current
    GROUP BY
        project_id
)

SELECT
    looked.project_id,
    looked.first_seen_at,
    looked.last_seen_at,
    coalesce(task.tasks, looked.no_tasks) AS tasks,
    coalesce(task.tasks_present, looked.no_tasks) AS tasks_present,
    coalesce(task.tasks_without_creator, looked.no_tasks) AS tasks_without_creator,
    coalesce(task.people, looked.no_tasks) AS people,
    coalesce(repository.repositories, looked.no_repositories) AS repositories,
    coalesce(ran.runs, looked.no_runs) AS runs,
    coalesce(ran.attempts, looked.no_runs) AS attempts,
    coalesce(ran.completed, looked.no_runs) AS completed,
    coalesce(ran.failed, looked.no_runs) AS failed,
    coalesce(ran.cancelled, looked.no_runs) AS cancelled,
    coalesce(ran.going_on, looked.no_runs) AS going_on,
    coalesce(worked.events_known, looked.no_runs) AS events_known,
    coalesce(request.pull_requests, looked.no_runs) AS pull_requests,
    coalesce(request.merged, looked.no_runs) AS merged
FROM
    looked
    LEFT JOIN task
        ON looked.project_id = task.project_id
    LEFT JOIN repository
        ON looked.project_id = repository.project_id
    LEFT JOIN ran
        ON looked.project_id = ran.project_id
    LEFT JOIN worked
        ON looked.project_id = worked.project_id
    LEFT JOIN request
        ON looked.project_id = request.project_id
