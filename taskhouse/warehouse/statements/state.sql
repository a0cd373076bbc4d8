-- What a pass reads from the warehouse before it requests anything. Queries of a single resource are in its folder.

-- name: last_complete
SELECT
    pass_id,
    viewer,
    started_at,
    finished_at
FROM
    ledger.passes
WHERE
    project_id = $project_id
    AND resource = $resource
    AND verdict = 'complete'
ORDER BY
    started_at DESC
LIMIT 1

-- name: pass_before
-- When the pass before another one of the same resource began.
SELECT
    max(started_at) AS started_at
FROM
    ledger.passes
WHERE
    project_id = $project_id
    AND resource = $resource
    AND pass_id <> $pass_id

-- name: attempts
-- How many passes of each kind over a resource were not ended by an error, and when the last of them began.
SELECT
    kind,
    verdict,
    count(*) AS attempts,
    max(started_at) AS started_at
FROM
    ledger.passes
WHERE
    project_id = $project_id
    AND resource = $resource
    AND kind IS NOT NULL
    AND verdict <> 'running'
    AND NOT interrupted
GROUP BY
    kind,
    verdict

-- name: interrupted
-- The newest pass of a resource if it was interrupted, with the bookmark of its walk if it has one.
WITH newest AS (
    SELECT
        *
    FROM
        ledger.passes
    WHERE
        project_id = $project_id
        AND resource = $resource
    ORDER BY
        started_at DESC
    LIMIT 1
)

SELECT
    newest.*,
    walk.position AS bookmark,
    walk.updated_at AS walked_at
FROM
    newest
    LEFT JOIN ledger.cursors AS walk
        ON walk.project_id = newest.project_id
        AND walk.resource = newest.resource
        AND walk.key = 'walk'
        AND walk.updated_by = newest.pass_id
WHERE
    newest.verdict = 'running'
    OR newest.interrupted

-- name: committed_pages
-- The newest page of a pass that is in the warehouse; one that was interrupted may have read more.
SELECT
    coalesce(max(page), 0) AS pages
FROM
    ledger.pages
WHERE
    pass_id = $pass_id

-- name: cursors
SELECT
    key,
    position,
    state,
    updated_at
FROM
    ledger.cursors
WHERE
    project_id = $project_id
    AND resource = $resource

-- name: present
-- Keys of what is listed now. {table}, {key} and {where} are names from our own schema.
SELECT
    {key}
FROM
    raw.{table}
WHERE
    project_id = $project_id
    AND absent_since IS NULL{where}
ORDER BY
    {key}

-- name: refused
-- What the server refused last time, with the time: streams and logs by run, the rest by task. `gone` means that its
-- task is proved absent. Every pass over the tasks searches for a run that only the tail has seen.
WITH refused AS (
    SELECT
        resource,
        key,
        state,
        coalesce(state_since, updated_at) AS since,
        updated_at AS asked_at,
        list_contains($of_tasks, resource) AS of_task
    FROM
        ledger.cursors
    WHERE
        project_id = $project_id
        AND list_contains($resources, resource)
        AND state IN ('not_found', 'refused')
),

run AS (
    SELECT
        run_id,
        any_value(task_id) AS task_id
    FROM
        raw.run_versions
        SEMI JOIN refused
            ON refused.key = run_versions.run_id
    WHERE
        project_id = $project_id
    GROUP BY
        run_id
),

refusals AS (
    SELECT
        refused.resource,
        refused.key,
        refused.state,
        refused.since,
        CASE
            WHEN NOT refused.of_task AND run.task_id IS NULL THEN greatest(refused.asked_at, $now)
            ELSE refused.asked_at
        END AS asked_at,
        CASE WHEN refused.of_task THEN refused.key ELSE run.task_id END AS task_id
    FROM
        refused
        LEFT JOIN run
            ON run.run_id = refused.key
),

sighting AS (
    SELECT
        task_id,
        bool_or(absent_since IS NULL) AS is_present
    FROM
        raw.task_sightings
        SEMI JOIN refusals USING (task_id)
    WHERE
        project_id = $project_id
    GROUP BY
        task_id
)

SELECT
    refusals.*,
    coalesce(NOT sighting.is_present, false) AS gone
FROM
    refusals
    LEFT JOIN sighting USING (task_id)
ORDER BY
    since,
    key

-- name: quarantine
-- Bad records that a newer version may be able to read.
SELECT
    resource,
    record_key,
    reason,
    kind,
    pointer,
    payload,
    first_seen_at
FROM
    ledger.quarantine
WHERE
    project_id = $project_id
    AND replayed_at IS NULL
ORDER BY
    first_seen_at

-- name: facts
-- How much is stored, and how much is not: the basis of an estimate.
WITH task AS (
    SELECT
        task_id,
        latest_run_id
    FROM
        newest('raw.task_versions', task_id)
    WHERE
        project_id = $project_id
),

run AS (
    SELECT
        run_id,
        status,
        created_at
    FROM
        newest('raw.run_versions', run_id)
    WHERE
        project_id = $project_id
),

cursor AS (
    SELECT
        resource,
        key
    FROM
        ledger.cursors
    WHERE
        project_id = $project_id
)

SELECT
    (
        SELECT count(*)
        FROM raw.task_sightings
        WHERE project_id = $project_id AND absent_since IS NULL
    ) AS known,
    (
        SELECT count(*)
        FROM raw.repository_sightings
        WHERE project_id = $project_id AND absent_since IS NULL
    ) AS repositories,
    (
        SELECT count(*)
        FROM task
        ANTI JOIN (SELECT * FROM cursor WHERE resource = 'runs') AS listed
            ON listed.key = task.task_id
        LEFT JOIN run
            ON run.run_id = task.latest_run_id
        WHERE
            task.latest_run_id IS NOT NULL
            AND coalesce(run.created_at >= $oldest, true)
    ) AS unlisted,
    (
        SELECT count(*)
        FROM task
        ANTI JOIN (SELECT * FROM cursor WHERE resource = 'task_usage') AS asked
            ON asked.key = task.task_id
        LEFT JOIN run
            ON run.run_id = task.latest_run_id
        WHERE
            task.latest_run_id IS NOT NULL
            AND coalesce(run.created_at >= $oldest, true)
    ) AS unpriced,
    (
        SELECT count(*)
        FROM run
        WHERE status NOT IN ('completed', 'failed', 'cancelled') AND created_at < $yesterday
    ) AS resting,
    (SELECT count(*) FROM run WHERE created_at >= $yesterday) AS moved
