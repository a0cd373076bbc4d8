-- The queries of a capture: which runs there are, how far their streams and logs were read, and what is stored of a
-- log.

-- name: open
-- The newest version of every run of which something may still be read, and of those in $run_ids, with how far its
-- stream and its log have been read. It changed when the server says so, or when a later version was seen here; a first
-- sight is no change. Its task was seen last when a page listed it; never where it is absent.
--
-- A run is read to its end if it has ended, the server no longer has its stream, which was not refused last time, and
-- its log was read to its end since the last change that any version shows. It is passed over if instead its log was
-- never read and it has been at rest since before $oldest; `passed_over` counts these, in a row without a run if there
-- is no other.
WITH run AS (
    SELECT
        run_id,
        arg_max(coalesce(status, ''), valid_from) AS status,
        max(greatest(created_at, updated_at, completed_at)) AS server_changed_at,
        CASE WHEN count(*) > 1 THEN max(valid_from) END AS changed_here_at
    FROM
        raw.run_versions
    WHERE
        project_id = $project_id
    GROUP BY
        run_id
),

refused AS (
    SELECT
        key
    FROM
        ledger.cursors
    WHERE
        project_id = $project_id
        AND resource = 'run_stream'
        AND list_contains($refused, state)
),

log AS (
    SELECT
        key,
        updated_at,
        list_contains($final, state) AS is_final
    FROM
        ledger.cursors
    WHERE
        project_id = $project_id
        AND resource = 'run_log'
),

by_part AS (
    SELECT
        run.run_id,
        CASE
            WHEN
                NOT list_contains($terminal, run.status)
                OR $now < run.server_changed_at + to_seconds($stream_kept_s)
                OR refused.key IS NOT NULL
                OR list_contains($run_ids, run.run_id)
                THEN 'open'
            WHEN log.is_final AND run.server_changed_at <= log.updated_at THEN 'read'
            WHEN log.key IS NULL AND greatest(run.server_changed_at, run.changed_here_at) < $oldest THEN 'passed over'
            ELSE 'open'
        END AS part
    FROM
        run
        LEFT JOIN refused
            ON refused.key = run.run_id
        LEFT JOIN log
            ON log.key = run.run_id
),

open AS (
    SELECT
        run_id
    FROM
        by_part
    WHERE
        part = 'open'
),

versions AS (
    SELECT
        project_id,
        task_id,
        run_id,
        valid_from,
        status,
        environment,
        resume_from_run_id,
        created_at,
        updated_at,
        completed_at,
        scheduled_at
    FROM
        raw.run_versions
        SEMI JOIN open USING (run_id)
    WHERE
        project_id = $project_id
),

cursors AS (
    SELECT
        *
    FROM
        ledger.cursors AS cursor
        SEMI JOIN open
            ON open.run_id = cursor.key
    WHERE
        project_id = $project_id
        AND resource IN ('run_stream', 'run_log')
)

SELECT
    version.task_id,
    version.run_id,
    version.status,
    version.environment,
    version.resume_from_run_id,
    version.created_at,
    version.completed_at,
    version.scheduled_at,
    greatest(version.created_at, version.updated_at, version.completed_at, version.changed_here_at) AS changed_at,
    greatest(version.created_at, version.updated_at, version.completed_at) AS server_changed_at,
    stream.position AS stream_position,
    stream.checksum AS stream_checksum,
    stream.leg AS stream_leg,
    stream.state AS stream_state,
    stream.updated_at AS stream_read_at,
    stream.state_since AS stream_since,
    log.position AS log_position,
    log.state AS log_state,
    log.updated_at AS log_read_at,
    log.state_since AS log_since,
    sighting.last_seen_at AS task_seen_at,
    counted.passed_over
FROM
    (SELECT count(*) AS passed_over FROM by_part WHERE part = 'passed over') AS counted
    LEFT JOIN newest('versions', run_id) AS version
        ON true
    LEFT JOIN cursors AS stream
        ON stream.resource = 'run_stream'
        AND stream.key = version.run_id
    LEFT JOIN cursors AS log
        ON log.resource = 'run_log'
        AND log.key = version.run_id
    LEFT JOIN raw.task_sightings AS sighting
        ON sighting.project_id = version.project_id
        AND sighting.task_id = version.task_id
        AND sighting.absent_since IS NULL
ORDER BY
    version.created_at DESC,
    version.run_id

-- name: resumed
-- The run that each of these runs resumed, the run which that one resumed, and so on.
WITH RECURSIVE parent AS MATERIALIZED (
    SELECT
        run_id,
        arg_max_null(resume_from_run_id, valid_from) AS resume_from_run_id
    FROM
        raw.run_versions
    WHERE
        project_id = $project_id
    GROUP BY
        run_id
    HAVING
        arg_max_null(run_versions.resume_from_run_id, valid_from) IS NOT NULL
),

chain AS (
    SELECT
        *
    FROM
        parent
    WHERE
        list_contains($run_ids, run_id)
    UNION
    SELECT
        parent.*
    FROM
        chain
        INNER JOIN parent
            ON parent.run_id = chain.resume_from_run_id
)

SELECT
    *
FROM
    chain

-- name: unlisted
-- How far runs are read that were captured before any pass listed them.
SELECT
    key AS run_id,
    any_value(position) FILTER (WHERE resource = 'run_stream') AS stream_position,
    any_value(leg) FILTER (WHERE resource = 'run_stream') AS stream_leg,
    any_value(checksum) FILTER (WHERE resource = 'run_stream') AS stream_checksum,
    any_value(state) FILTER (WHERE resource = 'run_stream') AS stream_state,
    any_value(updated_at) FILTER (WHERE resource = 'run_stream') AS stream_read_at,
    any_value(state_since) FILTER (WHERE resource = 'run_stream') AS stream_since,
    any_value(position) FILTER (WHERE resource = 'run_log') AS log_position,
    any_value(state) FILTER (WHERE resource = 'run_log') AS log_state,
    any_value(updated_at) FILTER (WHERE resource = 'run_log') AS log_read_at
FROM
    ledger.cursors
WHERE
    project_id = $project_id
    AND resource IN ('run_stream', 'run_log')
    AND key NOT IN (SELECT run_id FROM raw.run_versions WHERE project_id = $project_id)
GROUP BY
    key

-- name: sizes
-- How many events and log entries are stored of each of these runs, none of which was read before $since.
WITH stored AS (
    SELECT
        run_id
    FROM
        raw.run_events
    WHERE
        project_id = $project_id
        AND received_at >= $since
    UNION ALL
    SELECT
        run_id
    FROM
        raw.run_log_entries
    WHERE
        project_id = $project_id
        AND received_at >= $since
)

SELECT
    run_id,
    count(*) AS events
FROM
    stored
    SEMI JOIN (SELECT unnest(CAST($run_ids AS VARCHAR[])) AS run_id) AS asked USING (run_id)
GROUP BY
    run_id

-- name: unsearched
-- Runs, read since $since, that were read further than they were searched for gaps, because a process was killed in
-- between. And runs that ended whose stream was not read to its end, but could still be read at that time. Only runs
-- that were read or that ended since then are looked into.
WITH moved AS (
    SELECT
        key AS run_id
    FROM
        ledger.cursors
    WHERE
        project_id = $project_id
        AND updated_at >= $since
    UNION
    SELECT
        run_id
    FROM
        raw.run_versions
    WHERE
        project_id = $project_id
        AND completed_at >= $since
),

read AS (
    SELECT
        key AS run_id,
        string_agg(resource || ' ' || coalesce(position, ''), ', ' ORDER BY resource) AS position,
        min(updated_at) AS read_at,
        max(updated_at) AS last_read_at,
        max(updated_at) FILTER (WHERE resource = 'run_stream') AS stream_read_at,
        bool_or(resource = 'run_stream' AND state NOT IN ('stream_end', 'terminal_without_stream')) AS is_unread
    FROM
        ledger.cursors AS cursor
        SEMI JOIN moved
            ON moved.run_id = cursor.key
    WHERE
        project_id = $project_id
        AND resource IN (
            'run_stream', 'run_log', 'run_stream_lost', 'run_stream_trimmed', 'run_log_lost', 'run_log_shown'
        )
    GROUP BY
        key
)

SELECT
    read.run_id,
    coalesce(min(run.created_at), min(read.read_at) - INTERVAL 24 HOUR) AS created_at
FROM
    read
    LEFT JOIN ledger.cursors AS searched
        ON searched.project_id = $project_id
        AND searched.resource = 'run_gaps'
        AND searched.key = read.run_id
    LEFT JOIN raw.run_versions AS run
        ON run.project_id = $project_id
        AND run.run_id = read.run_id
GROUP BY
    read.run_id
HAVING
    bool_or(searched.position IS DISTINCT FROM read.position AND read.last_read_at >= $since)
    OR (
        (bool_or(read.is_unread) OR max(read.stream_read_at) < max(run.completed_at))
        AND max(run.completed_at) BETWEEN CAST($since AS TIMESTAMPTZ) AND CAST($now AS TIMESTAMPTZ) - INTERVAL 30 MINUTE
        AND arg_max(run.status, run.valid_from) IN ('completed', 'failed', 'cancelled')
        AND max(searched.updated_at) < max(run.completed_at) + INTERVAL 30 MINUTE
    )

-- name: log_held
-- How far the logs of some runs are read, whether a run changed since then, and the last stored entries of each.
WITH log AS (
    SELECT
        cursor.key AS run_id,
        cursor.state,
        TRY_CAST(cursor.position AS BIGINT) AS position,
        cursor.updated_at
    FROM
        ledger.cursors AS cursor
    WHERE
        cursor.project_id = $project_id
        AND cursor.resource = 'run_log'
        AND list_contains($run_ids, cursor.key)
),

moved AS (
    SELECT
        run_id,
        max(greatest(created_at, updated_at, completed_at)) AS moved_at
    FROM
        raw.run_versions
    WHERE
        project_id = $project_id
        AND list_contains($run_ids, run_id)
    GROUP BY
        run_id
)

SELECT
    log.run_id,
    any_value(log.state) AS state,
    any_value(log.position) AS position,
    coalesce(any_value(moved.moved_at) > any_value(log.updated_at), FALSE) AS moved,
    list(entry.payload ORDER BY entry.position) FILTER (WHERE entry.payload IS NOT NULL) AS tail
FROM
    log
    LEFT JOIN moved
        ON log.run_id = moved.run_id
    LEFT JOIN raw.run_log_entries AS entry
        ON entry.project_id = $project_id
        AND entry.run_id = log.run_id
        AND entry.position >= log.position - $near
GROUP BY
    log.run_id

-- name: log_texts
-- The stored entries of a run's log.
SELECT
    payload
FROM
    raw.run_log_entries
WHERE
    project_id = $project_id
    AND run_id = $run_id
