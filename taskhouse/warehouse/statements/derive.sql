-- What is computed from events, run by run, is stored in the tables of mart: which runs changed, which are due, and the
-- rows of raw that a batch of them is computed from. taskhouse/marts/derivation.py has the rest.

-- name: mark_loaded
-- The runs to which a load added events, or from whose logs it took some.
MERGE INTO mart.runs AS held
USING (
    SELECT
        batch.project_id,
        any_value(batch.task_id) AS task_id,
        batch.run_id,
        count(*) AS lines,
        min(batch.received_at) AS first_received_at,
        max(batch.received_at) AS last_received_at
    FROM
        batch_lines AS batch
        LEFT JOIN decisions AS decision
            ON batch.line = decision.line
    WHERE
        (batch.line_kind = 'event' AND (decision.line IS NULL OR decision.incarnation IS NOT NULL))
        OR (batch.line_kind = 'mark' AND json_extract_string(batch.facts, '$.cut_us') IS NOT NULL)
    GROUP BY
        batch.project_id,
        batch.run_id
) AS loaded
    ON held.project_id = loaded.project_id
    AND held.run_id = loaded.run_id
WHEN MATCHED THEN UPDATE SET
    lines = held.lines + loaded.lines,
    first_received_at = least(held.first_received_at, loaded.first_received_at),
    last_received_at = greatest(held.last_received_at, loaded.last_received_at),
    changed_at = $now,
    is_due = true,
    is_stored = false
WHEN NOT MATCHED THEN INSERT (
    project_id, task_id, run_id, lines, first_received_at, last_received_at, changed_at, is_due, is_stored
) VALUES (
    loaded.project_id,
    loaded.task_id,
    loaded.run_id,
    loaded.lines,
    loaded.first_received_at,
    loaded.last_received_at,
    $now,
    true,
    false
)

-- name: mark_versions
-- The runs of which a pass brought a new version.
MERGE INTO mart.runs AS held
USING (
    SELECT
        version.project_id,
        any_value(version.task_id) AS task_id,
        version.run_id,
        max(version.valid_from) AS valid_from
    FROM
        raw.run_versions AS version
        SEMI JOIN incoming
            ON version.project_id = incoming.project_id
            AND version.run_id = incoming.run_id
    GROUP BY
        version.project_id,
        version.run_id
) AS seen
    ON held.project_id = seen.project_id
    AND held.run_id = seen.run_id
WHEN MATCHED AND held.is_stored AND coalesce(seen.valid_from > held.derived_version, true) THEN UPDATE SET
    changed_at = seen.valid_from,
    is_due = true,
    is_stored = false
WHEN NOT MATCHED THEN INSERT (
    project_id, task_id, run_id, lines, changed_at, is_due, is_stored
) VALUES (
    seen.project_id, seen.task_id, seen.run_id, 0, seen.valid_from, true, false
)

-- name: begin_again
-- Nothing is stored, and all of it is due.
UPDATE mart.runs
SET
    is_due = true,
    is_stored = false,
    derivation = NULL,
    derived_lines = NULL,
    derived_version = NULL,
    derived_at = NULL

-- name: rule
-- Which runs are due. A small run is due whenever it changed, a larger one when it has grown by a quarter or has not
-- changed for a while: so the work follows what was added, however long a run goes on.
is_due
AND (
    $everything
    OR lines < $small
    OR derived_lines IS NULL
    OR lines - derived_lines >= derived_lines // 4
    OR changed_at <= $quiet_since
)

-- name: waiting
-- How much is not stored, and how much of it is due now.
SELECT
    count(*) AS runs,
    coalesce(CAST(sum(lines) AS BIGINT), 0) AS lines,
    count(*) FILTER (WHERE {rule}) AS due
FROM
    mart.runs
WHERE
    NOT is_stored

-- name: due
-- The next runs to compute, about $most lines of them.
CREATE OR REPLACE TEMP TABLE due AS
WITH candidate AS (
    SELECT
        *,
        sum(lines + 10) OVER (
            ORDER BY last_received_at NULLS FIRST, project_id, run_id ROWS UNBOUNDED PRECEDING
        ) - lines - 10 AS before
    FROM
        mart.runs
    WHERE
        {rule}
)

SELECT
    *
FROM
    candidate
WHERE
    before < $most

-- name: bounds
-- Between which times the events of these runs were read, so that DuckDB passes over the rest of raw.
SELECT
    count(*) AS runs,
    coalesce(CAST(sum(lines) AS BIGINT), 0) AS lines,
    min(first_received_at) AS first,
    max(last_received_at) AS last,
    count(derivation) AS derived_before,
    (SELECT coalesce(max(derivation), 0) + 1 FROM mart.runs) AS derivation
FROM
    due

-- name: captured
-- The events or the log entries of these runs. {table} is a name from our own schema.
CREATE OR REPLACE TEMP TABLE {table} AS
SELECT
    event.*
FROM
    raw.{table} AS event
    SEMI JOIN due
        ON event.project_id = due.project_id
        AND event.run_id = due.run_id
WHERE
    event.received_at BETWEEN $first AND $last
    OR event.received_at IS NULL

-- name: run_versions
CREATE OR REPLACE TEMP TABLE run_versions AS
SELECT
    version.*
FROM
    raw.run_versions AS version
    SEMI JOIN due
        ON version.project_id = due.project_id
        AND version.run_id = due.run_id

-- name: done
-- A run whose events cannot all be found again by their ids in the stream is not stored: it is computed whenever
-- somebody asks. So is a run that goes on by its stream, but is over by its newest version: once its task is seen
-- again, it is over (`run_attempts`).
UPDATE mart.runs AS held
SET
    is_due = false,
    is_stored = due.is_findable AND NOT due.is_unsettled,
    derivation = $derivation,
    derived_lines = held.lines,
    derived_version = due.version,
    derived_at = $now
FROM
    (
        SELECT
            due.project_id,
            due.run_id,
            (SELECT max(valid_from) FROM temp.run_versions AS version
             WHERE version.project_id = due.project_id AND version.run_id = due.run_id) AS version,
            EXISTS (
                SELECT 1
                FROM
                    temp.run_attempt_facts AS attempt
                    INNER JOIN temp.run_versions AS version USING (project_id, run_id)
                WHERE
                    attempt.project_id = due.project_id
                    AND attempt.run_id = due.run_id
                    AND attempt.ended_at IS NULL
                GROUP BY
                    version.run_id
                HAVING
                    arg_max(version.status, version.valid_from) IN ('completed', 'failed', 'cancelled')
            ) AS is_unsettled,
            NOT EXISTS (
                SELECT 1
                FROM temp.run_events AS event
                WHERE
                    event.project_id = due.project_id
                    AND event.run_id = due.run_id
                GROUP BY
                    event.source,
                    event.incarnation,
                    event.stream_ms,
                    event.stream_seq
                HAVING
                    count(*) > 1
                    OR event.stream_ms IS NULL
                    OR event.stream_seq IS NULL
            ) AS is_findable
        FROM
            due
    ) AS due
WHERE
    held.project_id = due.project_id
    AND held.run_id = due.run_id

-- name: forget
-- What an earlier derivation stored of these runs; its number leads DuckDB to the place in the file.
DELETE FROM mart.{table} AS stored USING due
WHERE
    stored.derivation = due.derivation
    AND stored.project_id = due.project_id
    AND stored.run_id = due.run_id

-- name: pass_over
-- A run that cannot be computed is not stored until it changes; its views still try, whenever somebody asks.
UPDATE mart.runs AS held
SET
    is_due = false,
    derived_lines = held.lines
FROM
    due
WHERE
    held.project_id = due.project_id
    AND held.run_id = due.run_id
