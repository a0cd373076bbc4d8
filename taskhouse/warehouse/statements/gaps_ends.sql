-- What may be missing after the last event that was read: streams that expired, were refused or never read, and logs
-- that expired.
--
-- Order: `ended_runs` (runs that are over) is a temp table; each of the others adds to `found_gaps`.
-- `find_expired_streams` leaves out what was found before it.

-- name: ended_runs
-- The runs that are over according to their newest version: where they ran, when they ended (from the last version that
-- says it), and whether any version shows them before that.
CREATE OR REPLACE TEMP TABLE ended_runs AS
SELECT
    version.project_id,
    version.run_id,
    arg_max(version.environment, version.valid_from) AS environment,
    arg_max(version.completed_at, version.valid_from) AS completed_at,
    coalesce(arg_max(version.completed_at, version.valid_from), 'epoch') AS run_ended_at,
    bool_or(version.status NOT IN ('completed', 'failed', 'cancelled')) AS was_live
FROM
    raw.run_versions AS version
    SEMI JOIN searched USING (project_id, run_id)
GROUP BY
    version.project_id,
    version.run_id
HAVING
    arg_max(version.status, version.valid_from) IN ('completed', 'failed', 'cancelled')

-- name: find_unread_ends
-- Runs that are over, whose stream was followed but not read to its end before it expired. The server keeps it for half
-- an hour. Nothing is missing if the last event is the run's last state. A reopened run has a new stream, so signs of
-- an end count only from the run's last end on: within some seconds on the server's clock, within a minute on ours. The
-- log says nothing about events that only a stream carries. A stream that was refused until it expired has its own gap,
-- and so has an announced trim after which nothing came.
INSERT INTO found_gaps BY NAME
WITH ending AS (
    SELECT
        extents.project_id,
        extents.run_id,
        bool_or(
            connection.ending = 'stream_end'
            OR (connection.ending = 'bare_end' AND connection.source = 'django')
            OR (
                connection.ending IN ('bare_end', 'terminal_without_stream')
                AND connection.ended_at - extents.last_received_at < INTERVAL 30 MINUTE
            )
        ) AS is_whole
    FROM
        extents
        INNER JOIN ended_runs USING (project_id, run_id)
        INNER JOIN ledger.stream_connections AS connection USING (project_id, run_id)
    WHERE
        connection.ending <> 'trimmed'
        AND connection.ended_at >= extents.last_received_at
        AND coalesce(connection.heard_at + INTERVAL 2 SECOND, connection.ended_at + INTERVAL 1 MINUTE)
        >= ended_runs.run_ended_at
    GROUP BY
        extents.project_id,
        extents.run_id
),

-- the time of every end of these is known by the server's clock, so a cursor decides nothing
timed_ends AS (
    SELECT DISTINCT
        project_id,
        run_id
    FROM
        ledger.stream_connections
        SEMI JOIN searched USING (project_id, run_id)
    WHERE
        ending IS NOT NULL
        AND heard_at IS NOT NULL
)

SELECT
    extents.project_id,
    extents.run_id,
    extents.last_stream_id AS after_stream_id,
    'end_not_read' AS kind,
    'the stream no longer existed before its end was read: what followed is not known' AS how,
    FALSE AS certain,
    FALSE AS repaired_from_log
FROM
    extents
    INNER JOIN ended_runs USING (project_id, run_id)
    ANTI JOIN ledger.cursors AS lost
        ON extents.project_id = lost.project_id
        AND lost.resource = 'run_stream_lost'
        AND extents.run_id = lost.key
    ANTI JOIN announced_trims
        ON extents.project_id = announced_trims.project_id
        AND extents.run_id = announced_trims.run_id
        AND announced_trims.first_id IS NULL
    LEFT JOIN ending USING (project_id, run_id)
    LEFT JOIN ledger.cursors AS stream
        ON extents.project_id = stream.project_id
        AND stream.resource = 'run_stream'
        AND extents.run_id = stream.key
    LEFT JOIN states
        ON extents.project_id = states.project_id
        AND extents.run_id = states.run_id
        AND extents.last_id = states.id
    LEFT JOIN timed_ends
        ON extents.project_id = timed_ends.project_id
        AND extents.run_id = timed_ends.run_id
WHERE
    NOT coalesce(
        ending.is_whole,
        stream.state = 'stream_end'
        AND stream.updated_at + INTERVAL 1 MINUTE >= ended_runs.run_ended_at
        AND timed_ends.run_id IS NULL,
        FALSE
    )
    AND (ending.is_whole IS NOT NULL OR CAST($now AS TIMESTAMPTZ) - ended_runs.completed_at >= INTERVAL 30 MINUTE)
    AND NOT coalesce(
        states.status IN ('completed', 'failed', 'cancelled')
        AND extents.last_ms + 5000 >= epoch_ms(ended_runs.run_ended_at),
        FALSE
    )

-- name: find_unread_streams
-- Runs that are over, whose stream was opened but expired before anything was read. If the run was over when it was
-- first seen, its stream may already have expired by then, so only silence and errors count. A stream whose end came
-- and that contained nothing is complete, and the stream of a local run may never contain anything (API facts 5.6).
INSERT INTO found_gaps BY NAME
SELECT
    ended_runs.project_id,
    ended_runs.run_id,
    'stream_not_read' AS kind,
    'the stream no longer existed before anything was read: what it contained is not known' AS how,
    FALSE AS certain,
    FALSE AS repaired_from_log
FROM
    ended_runs
    INNER JOIN ledger.cursors AS stream
        ON ended_runs.project_id = stream.project_id
        AND stream.resource = 'run_stream'
        AND ended_runs.run_id = stream.key
    ANTI JOIN extents
        ON ended_runs.project_id = extents.project_id
        AND ended_runs.run_id = extents.run_id
    ANTI JOIN ledger.cursors AS lost
        ON ended_runs.project_id = lost.project_id
        AND lost.resource = 'run_stream_lost'
        AND ended_runs.run_id = lost.key
WHERE
    ended_runs.environment IS DISTINCT FROM 'local'
    AND CASE
        WHEN stream.state IN ('live', 'error_budget')
            THEN CAST($now AS TIMESTAMPTZ) - ended_runs.completed_at >= INTERVAL 30 MINUTE
        WHEN stream.state IN ('stream_end', 'terminal_without_stream') THEN ended_runs.was_live
        ELSE FALSE
    END
    AND NOT EXISTS (
        SELECT 1 FROM ledger.stream_connections AS ended
        WHERE
            ended.project_id = ended_runs.project_id
            AND ended.run_id = ended_runs.run_id
            AND ended.ending IN ('stream_end', 'bare_end')
            AND coalesce(ended.heard_at + INTERVAL 2 SECOND, ended.ended_at + INTERVAL 1 MINUTE)
            >= ended_runs.run_ended_at
    )

-- name: find_expired_streams
-- Runs that may continue, whose stream no longer contained the event that was read last, either too early or so long
-- after the last reading that another stream may have come and expired. What was written after that event is not known.
-- Once something follows, the seam between the two decides instead. After an end that was read, nothing is missing. The
-- end of a run that is over counts from the run's end on, to the second: a stream that ended with its run still exists.
-- The end of a run that may continue counts for the lifetime of a stream. If the log has grown since, no end proves
-- that nothing is missing.
INSERT INTO found_gaps BY NAME
SELECT DISTINCT
    extents.project_id,
    extents.run_id,
    extents.last_stream_id AS after_stream_id,
    'stream_expired' AS kind,
    'the stream no longer existed while its run continued: what followed is not known' AS how,
    FALSE AS certain,
    FALSE AS repaired_from_log
FROM
    extents
    INNER JOIN ledger.stream_connections AS gone
        ON extents.project_id = gone.project_id
        AND extents.run_id = gone.run_id
        AND extents.last_stream_id = gone.after_stream_id
    LEFT JOIN ended_runs
        ON extents.project_id = ended_runs.project_id
        AND extents.run_id = ended_runs.run_id
    LEFT JOIN states
        ON extents.project_id = states.project_id
        AND extents.run_id = states.run_id
        AND extents.last_id = states.id
    ANTI JOIN found_gaps
        ON extents.project_id = found_gaps.project_id
        AND extents.run_id = found_gaps.run_id
        AND extents.last_stream_id = found_gaps.after_stream_id
WHERE
    gone.ending = 'outgrown'
    OR (
        gone.ending = 'gone'
        AND NOT coalesce(
            states.status IN ('completed', 'failed', 'cancelled')
            AND extents.last_ms + 5000 >= epoch_ms(ended_runs.run_ended_at),
            FALSE
        )
        AND NOT EXISTS (
            SELECT 1 FROM ledger.stream_connections AS ended
            WHERE
                ended.project_id = extents.project_id
                AND ended.run_id = extents.run_id
                AND ended.ending IN ('stream_end', 'bare_end')
                AND ended.ended_at >= extents.last_received_at
                AND CASE
                    WHEN ended_runs.run_ended_at IS NULL THEN ended.ended_at > gone.ended_at - INTERVAL 6 HOUR
                    ELSE coalesce(ended.heard_at, ended.ended_at) >= ended_runs.run_ended_at
                END
        )
    )

-- name: find_refused
-- What the server refused for as long as it may have had it. A lost stream stays lost, even if more comes later; a log
-- that is read after all is read from its beginning. The log fills a lost stream only if the agent's numbers prove it:
-- the log is settled, every session update of both layers has a number, and each boot is complete from number 1.
INSERT INTO found_gaps BY NAME
WITH lost AS (
    SELECT
        cursor.*
    FROM
        ledger.cursors AS cursor
        SEMI JOIN searched
            ON cursor.project_id = searched.project_id
            AND cursor.key = searched.run_id
    WHERE
        cursor.resource IN ('run_stream_lost', 'run_log_lost')
),

counted AS (
    SELECT
        project_id,
        run_id,
        live,
        first > coalesce(
            max(last) OVER (
                PARTITION BY project_id, run_id, boot
                ORDER BY first
                ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
            ),
            0
        ) + 1 AS is_after_hole
    FROM
        numbered
        SEMI JOIN lost
            ON numbered.project_id = lost.project_id
            AND numbered.run_id = lost.key
),

unnumbered AS (
    SELECT
        project_id,
        run_id
    FROM
        raw.run_events AS stored
        SEMI JOIN lost
            ON stored.project_id = lost.project_id
            AND stored.run_id = lost.key
    WHERE
        event_id IS NULL
        AND session_update IS NOT NULL
    UNION
    SELECT
        project_id,
        run_id
    FROM
        raw.run_log_entries AS stored
        SEMI JOIN lost
            ON stored.project_id = lost.project_id
            AND stored.run_id = lost.key
    WHERE
        event_id IS NULL
        AND session_update IS NOT NULL
),

proved AS (
    SELECT
        project_id,
        run_id
    FROM
        counted
        ANTI JOIN unnumbered USING (project_id, run_id)
    GROUP BY
        project_id,
        run_id
    HAVING
        bool_or(NOT live)
        AND NOT bool_or(is_after_hole)
)

SELECT
    lost.project_id,
    lost.key AS run_id,
    CASE WHEN lost.resource = 'run_stream_lost' THEN lost.position END AS after_stream_id,
    CAST(NULL AS VARCHAR) AS before_stream_id,
    arg_max(lost.state, lost.resource) AS kind,
    string_agg(
        CASE lost.resource WHEN 'run_stream_lost' THEN 'the stream' ELSE 'the log' END
        || CASE lost.state WHEN 'refused' THEN ' was refused (403)' ELSE ' was not found (404)' END
        || ' for as long as the server may have had it',
        '; '
        ORDER BY
            lost.resource DESC
    ) AS how,
    FALSE AS certain,
    bool_and(lost.resource = 'run_stream_lost')
    AND coalesce(any_value(log.state) = 'settled', FALSE)
    AND bool_or(proved.run_id IS NOT NULL) AS repaired_from_log
FROM
    lost
    LEFT JOIN ledger.cursors AS log
        ON log.project_id = lost.project_id
        AND log.key = lost.key
        AND log.resource = 'run_log'
    LEFT JOIN proved
        ON lost.project_id = proved.project_id
        AND lost.key = proved.run_id
WHERE
    lost.resource = 'run_stream_lost'
    OR (lost.resource = 'run_log_lost' AND log.state = 'lost')
GROUP BY
    ALL

-- name: find_expired_logs
-- A log that expired before it was read to its end: some of its entries are stored, or a later run's log showed them.
INSERT INTO found_gaps BY NAME
SELECT
    log.project_id,
    log.key AS run_id,
    CAST(NULL AS VARCHAR) AS after_stream_id,
    CAST(NULL AS VARCHAR) AS before_stream_id,
    'log_expired' AS kind,
    'the log expired before it was read to its end' AS how,
    FALSE AS certain,
    FALSE AS repaired_from_log
FROM
    ledger.cursors AS log
    SEMI JOIN searched
        ON log.project_id = searched.project_id
        AND log.key = searched.run_id
WHERE
    log.resource = 'run_log'
    AND (
        log.state = 'expired'
        OR (
            log.state = 'settled'
            AND log.position = '0'
            AND EXISTS (
                SELECT 1 FROM ledger.cursors AS shown
                WHERE
                    shown.project_id = log.project_id
                    AND shown.resource = 'run_log_shown'
                    AND shown.key = log.key
            )
        )
    )
