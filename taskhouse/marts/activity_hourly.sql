-- One row per project and hour in which something happened.
-- Key: `project_id`, `hour`.
--
-- project_id: The PostHog project.
-- hour: The full hour in UTC at which it begins.
-- tasks_created: Tasks that were created.
-- runs_created: Runs that were created.
-- runs_ended: Runs that ended: attempts, since a finished run can be reopened and end again.
-- live_events: Live events that happened. An event in both layers is counted in both.
-- log_entries: Log entries that were written.
-- active_runs: Runs with an event in either layer.
-- known_at: When taskhouse learned of the last thing that is counted here. Logs are read after their runs, so a row can
--   change after its hour; then this is later.
WITH happened AS (
    SELECT
        project_id,
        arg_max_null(created_at, valid_from) AS moment,
        'task' AS what,
        min(valid_from) AS known_at
    FROM
        main.task_history
    GROUP BY
        project_id,
        task_id
    UNION ALL BY NAME
    SELECT
        project_id,
        arg_max_null(created_at, valid_from) AS moment,
        'run' AS what,
        min(valid_from) AS known_at
    FROM
        main.run_history
    GROUP BY
        project_id,
        run_id
    UNION ALL BY NAME
    SELECT
        project_id,
        ended_at AS moment,
        'end' AS what,
        known_at
    FROM
        main.run_attempt_facts
    WHERE
        ended_at IS NOT NULL
    UNION ALL BY NAME
    SELECT
        project_id,
        hour AS moment,
        'events' AS what,
        known_at,
        run_id,
        live_events,
        log_entries
    FROM
        main.run_hours
)

SELECT
    project_id,
    make_timestamptz(epoch_us(moment) // 3600000000 * 3600000000) AS hour,
    count(*) FILTER (WHERE what = 'task') AS tasks_created,
    count(*) FILTER (WHERE what = 'run') AS runs_created,
    count(*) FILTER (WHERE what = 'end') AS runs_ended,
    coalesce(CAST(sum(live_events) AS BIGINT), 0) AS live_events,
    coalesce(CAST(sum(log_entries) AS BIGINT), 0) AS log_entries,
    count(DISTINCT run_id) AS active_runs,
    max(known_at) AS known_at
FROM
    happened
WHERE
    moment IS NOT NULL
GROUP BY
    ALL
