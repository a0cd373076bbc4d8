-- `FROM runs_stuck_as_of(TIMESTAMPTZ '2026-01-31 12:00:00+00')`: one row per run that had not ended at a given time and
-- had not moved for an hour, of a task that was there then, with what it may have been waiting for.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- run_id: The run.
-- repository: Repository of its task.
-- status: `not_started`, `queued` or `in_progress`.
-- environment: `local` or `cloud`.
-- model: The model.
-- created_at: When the server created it.
-- stuck_since: When it last changed: the newest time among the server's own time, its events, and its versions after
--   the first. A scheduled run counts from its scheduled time.
-- stuck_s: Seconds from `stuck_since` to `as_of`.
-- as_of: When the newest pass over tasks or runs before that time began.
-- stuck_reason: What it may be waiting for. `local`: the desktop drives it, and it waits in `queued` by design.
--   `not_picked_up`: queued in the cloud. `orphaned`: in progress for more than a day without a sign.
--   `waiting_for_user`: its last event asks for a permission, or its last turn ended. `silent`: in progress without a
--   sign for less than a day.
CREATE MACRO main.runs_stuck_as_of(moment) AS TABLE
    WITH looked AS (
        SELECT
            project_id,
            max(started_at) AS as_of
        FROM
            ledger.passes
        WHERE
            resource IN ('runs', 'tasks')
            AND started_at <= CAST(moment AS TIMESTAMPTZ)
        GROUP BY
            project_id
    ),

    -- Hours that were over, and what happened until then in the hour that was not.
    event AS (
        SELECT
            project_id,
            run_id,
            last_event_at AS occurred_at,
            last_event AS name,
            0 AS place
        FROM
            main.run_hours
        WHERE
            hour + INTERVAL 1 HOUR <= CAST(moment AS TIMESTAMPTZ)
        UNION ALL
        SELECT
            project_id,
            run_id,
            occurred_at,
            coalesce(method, kind) AS name,
            coalesce(stream_seq, 0) AS place
        FROM
            raw.run_events
        WHERE
            occurred_at >= make_timestamptz(epoch_us(CAST(moment AS TIMESTAMPTZ)) // 3600000000 * 3600000000)
            AND occurred_at <= CAST(moment AS TIMESTAMPTZ)
        UNION ALL
        SELECT
            project_id,
            run_id,
            occurred_at,
            coalesce(method, kind) AS name,
            position AS place
        FROM
            raw.run_log_entries
        WHERE
            occurred_at >= make_timestamptz(epoch_us(CAST(moment AS TIMESTAMPTZ)) // 3600000000 * 3600000000)
            AND occurred_at <= CAST(moment AS TIMESTAMPTZ)
    ),

    last_event AS (
        SELECT
            project_id,
            run_id,
            max(occurred_at) AS last_event_at,
            arg_max(name, (occurred_at, place)) AS last_event
        FROM
            event
        GROUP BY
            project_id,
            run_id
    ),

    version AS (
        SELECT
            *,
            row_number() OVER run AS number,
            lead(valid_from) OVER run AS valid_to
        FROM
            raw.run_versions
        WINDOW
            run AS (PARTITION BY project_id, run_id ORDER BY valid_from ASC)
    ),

    present AS (
        SELECT
            project_id,
            task_id
        FROM
            raw.task_sightings
        WHERE
            first_seen_at <= CAST(moment AS TIMESTAMPTZ)
        GROUP BY
            project_id,
            task_id
        HAVING
            arg_max_null(absent_since, first_seen_at) IS NULL
            OR arg_max_null(absent_since > CAST(moment AS TIMESTAMPTZ), first_seen_at)
    ),

    standing AS (
        SELECT
            run.project_id,
            run.task_id,
            run.run_id,
            task.repository,
            run.status,
            run.environment,
            run.model,
            run.created_at,
            greatest(
                run.created_at,
                run.updated_at,
                last_event.last_event_at,
                CASE WHEN run.number > 1 THEN run.valid_from END,
                CASE WHEN run.status = 'not_started' THEN run.scheduled_at END
            ) AS stuck_since,
            last_event.last_event,
            looked.as_of
        FROM
            version AS run
            INNER JOIN main.task_history AS task
                ON run.project_id = task.project_id
                AND run.task_id = task.task_id
                AND task.valid_from <= CAST(moment AS TIMESTAMPTZ)
                AND (task.valid_to IS NULL OR task.valid_to > CAST(moment AS TIMESTAMPTZ))
            INNER JOIN present
                ON run.project_id = present.project_id
                AND run.task_id = present.task_id
            INNER JOIN looked
                ON run.project_id = looked.project_id
            LEFT JOIN last_event
                ON run.project_id = last_event.project_id
                AND run.run_id = last_event.run_id
        WHERE
            run.valid_from <= CAST(moment AS TIMESTAMPTZ)
            AND (run.valid_to IS NULL OR run.valid_to > CAST(moment AS TIMESTAMPTZ))
            AND run.status NOT IN ('completed', 'failed', 'cancelled')
    )

    SELECT
        project_id,
        task_id,
        run_id,
        repository,
        status,
        environment,
        model,
        created_at,
        stuck_since,
        date_diff('second', stuck_since, as_of) AS stuck_s,
        as_of,
        CASE
            WHEN environment = 'local' AND status <> 'in_progress' THEN 'local'
            WHEN status <> 'in_progress' THEN 'not_picked_up'
            WHEN last_event IN (
                'permission_request',
                '_posthog/permission_request',
                '_posthog/turn_complete',
                '_posthog/awaiting_user_input'
            )
                AND epoch(as_of) - epoch(stuck_since) < 86400
                THEN 'waiting_for_user'
            WHEN epoch(as_of) - epoch(stuck_since) >= 86400 THEN 'orphaned'
            ELSE 'silent'
        END AS stuck_reason
    FROM
        standing
    WHERE
        epoch(as_of) - epoch(stuck_since) >= 3600
