-- Runs and tasks that are erased: from the tables of the lake, and from what is published of a copy. `temp.erased`
-- lists their ids. Names in braces are from our own schema.

-- name: found
-- The ids to erase: a run or a task, and the runs of the task.
CREATE OR REPLACE TEMP TABLE erased AS
WITH named AS (
    SELECT
        task_id,
        run_id
    FROM
        lake.raw.run_versions
    UNION
    SELECT
        task_id,
        run_id
    FROM
        lake.raw.run_events
    UNION
    SELECT
        task_id,
        run_id
    FROM
        lake.raw.run_log_entries
    UNION
    SELECT
        task_id,
        NULL AS run_id
    FROM
        lake.raw.task_versions
)

SELECT
    $id AS id
FROM
    named
WHERE
    $id IN (task_id, run_id)
UNION
SELECT
    run_id AS id
FROM
    named
WHERE
    task_id = $id
    AND run_id IS NOT NULL

-- name: listed
SELECT
    id
FROM
    temp.erased

-- name: copied
-- What was erased, and the runs that the copy has of these tasks.
CREATE OR REPLACE TEMP TABLE erased AS
WITH remembered AS (
    SELECT unnest($ids) AS id
)

SELECT
    id
FROM
    remembered
UNION
SELECT
    run.run_id
FROM
    copy.raw.run_versions AS run
    SEMI JOIN remembered ON run.task_id = remembered.id
UNION
SELECT
    run.run_id
FROM
    copy.mart.runs AS run
    SEMI JOIN remembered ON run.task_id = remembered.id

-- name: left
-- The rows that are about other runs and tasks.
SELECT
    *
FROM
    ({rows}) AS copied
WHERE
    coalesce({column} NOT IN (SELECT id FROM temp.erased), true)

-- name: unmentioned
-- Tasks show their latest run, with its output, and runs name those that they continued: such rows lose what they
-- show.
WITH marked AS (
    SELECT
        *,
        coalesce({column} IN (SELECT id FROM temp.erased), false)
        OR EXISTS (SELECT 1 FROM temp.erased WHERE contains(payload, erased.id)) AS is_mention
    FROM
        ({rows}) AS copied
)

SELECT
    * EXCLUDE (is_mention) REPLACE (
        CASE WHEN NOT is_mention THEN payload END AS payload,
        CASE WHEN NOT is_mention THEN {column} END AS {column}
    )
FROM
    marked

-- name: quarantine
SELECT
    *
FROM
    ({rows}) AS copied
WHERE
    NOT EXISTS (
        SELECT 1
        FROM temp.erased
        WHERE
            contains(concat_ws(' ', record_key, reason, payload), erased.id)
    )

-- name: passes
-- A pass may name a task or run as the first or last that it saw.
SELECT
    * REPLACE (
        CASE WHEN first_key NOT IN (SELECT id FROM temp.erased) THEN first_key END AS first_key,
        CASE WHEN last_key NOT IN (SELECT id FROM temp.erased) THEN last_key END AS last_key
    )
FROM
    ({rows}) AS copied

-- name: erase
DELETE FROM lake.{table}
WHERE
    {column} IN (SELECT id FROM temp.erased)

-- name: erase_quarantine
DELETE FROM lake.ledger.quarantine
WHERE
    EXISTS (
        SELECT 1
        FROM temp.erased
        WHERE
            contains(concat_ws(' ', record_key, reason, payload), erased.id)
    )

-- name: erase_keys
-- A pass may name a task or run as the first or last that it saw.
UPDATE lake.ledger.passes
SET
    first_key = CASE WHEN first_key NOT IN (SELECT id FROM temp.erased) THEN first_key END,
    last_key = CASE WHEN last_key NOT IN (SELECT id FROM temp.erased) THEN last_key END
WHERE
    first_key IN (SELECT id FROM temp.erased)
    OR last_key IN (SELECT id FROM temp.erased)

-- name: erase_mentions
UPDATE lake.{table}
SET
    payload = NULL,
    {column} = NULL
WHERE
    {column} IN (SELECT id FROM temp.erased)
    OR EXISTS (
        SELECT 1
        FROM temp.erased
        WHERE
            contains(payload, erased.id)
    )
