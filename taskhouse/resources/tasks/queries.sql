-- What is known about tasks: which are present, which to request, and what tasks and summaries say about runs.

-- name: newest
SELECT
    max(created_at) AS created_at
FROM
    raw.task_versions
WHERE
    project_id = $project_id

-- name: present
-- Ids of the tasks that are there now, in the order of the server's list, with whole seconds of `created_at` since
-- 1970: DuckDB takes longer to hand a time to Python than all the rest.
SELECT
    sighting.task_id,
    CAST(epoch(date_trunc('second', version.created_at)) AS BIGINT) AS created_s
FROM
    raw.task_sightings AS sighting
    INNER JOIN newest('raw.task_versions', task_id) AS version USING (project_id, task_id)
WHERE
    sighting.project_id = $project_id
    AND sighting.absent_since IS NULL
ORDER BY
    created_s DESC,
    sighting.task_id DESC

-- name: present_count
SELECT
    count(*) AS tasks
FROM
    raw.task_sightings
WHERE
    project_id = $project_id
    AND absent_since IS NULL

-- name: unseen
-- Tasks that are there now, as far as is known, and that nothing has shown since $before.
SELECT
    task_id
FROM
    raw.task_sightings
WHERE
    project_id = $project_id
    AND absent_since IS NULL
    AND last_seen_at < $before
ORDER BY
    task_id

-- name: walked
-- What a pass has seen until now: the tasks, and the pages by their bodies.
SELECT
    'task' AS what,
    task_id AS key
FROM
    raw.task_sightings
WHERE
    project_id = $project_id
    AND last_pass_id = $pass_id
UNION ALL
SELECT
    'page' AS what,
    sha256 AS key
FROM
    ledger.pages
WHERE
    pass_id = $pass_id
    AND row_offset IS NOT NULL

-- name: quarantined
-- Tasks that the server has and that are only in quarantine here. A key that is not a UUID is left out, because
-- requesting it would fail every other id in the same request.
SELECT DISTINCT
    CAST(TRY_CAST(held.record_key AS UUID) AS VARCHAR) AS task_id
FROM
    ledger.quarantine AS held
    ANTI JOIN (SELECT * FROM raw.task_sightings WHERE absent_since IS NULL) AS present
        ON present.project_id = held.project_id
        AND present.task_id = CAST(TRY_CAST(held.record_key AS UUID) AS VARCHAR)
WHERE
    held.project_id = $project_id
    AND held.resource = 'tasks'
    AND TRY_CAST(held.record_key AS UUID) IS NOT NULL
    AND held.replayed_at IS NULL

-- name: watched
-- Tasks that are there now and may be worth a question: those whose latest run is not finished, those that changed
-- since $grace, and those whose latest run has an open pull request and that nothing has shown since $seen. A pull
-- request of which the server tells no state counts as open until its run has not moved since $rested. A task changed
-- when the server says that it or its latest run did, or when a later version was seen here; a first sight is no
-- change.
WITH run AS (
    SELECT
        run_id,
        scheduled_at,
        greatest(created_at, updated_at, completed_at) AS moved_at,
        pr_url IS NOT NULL
        AND CASE pr_state
            WHEN 'open' THEN true
            WHEN 'draft' THEN true
            WHEN 'merged' THEN false
            WHEN 'closed' THEN false
            ELSE greatest(created_at, updated_at, completed_at) >= $rested
        END AS pr_open
    FROM
        newest('raw.run_versions', run_id)
    WHERE
        project_id = $project_id
),

watched AS (
    SELECT
        sighting.task_id,
        sighting.last_seen_at,
        greatest(version.updated_at, run.moved_at, version.changed_here_at) AS changed_at,
        version.title,
        version.repository,
        version.origin_product,
        version.updated_at,
        version.latest_run_id,
        version.latest_run_status,
        version.latest_run_environment,
        run.scheduled_at,
        sighting.last_seen_at <= $seen AND coalesce(run.pr_open, false) AS pr_open
    FROM
        raw.task_sightings AS sighting
        INNER JOIN newest('raw.task_versions', task_id) AS version USING (project_id, task_id)
        LEFT JOIN run
            ON run.run_id = version.latest_run_id
    WHERE
        sighting.project_id = $project_id
        AND sighting.absent_since IS NULL
)

SELECT *
FROM
    watched
WHERE
    pr_open
    OR NOT list_contains($terminal, latest_run_status)
    OR changed_at >= $grace
ORDER BY
    task_id

-- name: heads
-- The newest versions of some tasks, with the columns that a summary has too.
WITH found AS (
    SELECT
        project_id,
        task_id,
        valid_from,
        title,
        repository,
        origin_product,
        updated_at,
        latest_run_id,
        latest_run_status,
        latest_run_environment
    FROM
        raw.task_versions
    WHERE
        project_id = $project_id
        AND task_id IN (SELECT unnest($task_ids))
)

SELECT
    * EXCLUDE (project_id, valid_from, changed_here_at)
FROM
    newest('found', task_id)

-- name: newest_versions
-- The newest version of some tasks, whole.
WITH found AS (
    SELECT
        rowid AS place,
        project_id,
        task_id,
        valid_from
    FROM
        raw.task_versions
    WHERE
        project_id = $project_id
        AND task_id IN (SELECT unnest($task_ids))
)

SELECT
    version.*
FROM
    raw.task_versions AS version
    INNER JOIN newest('found', task_id) AS newest_one
        ON newest_one.place = version.rowid

-- name: run_payloads
-- The stored JSON of the newest version of some runs.
WITH found AS (
    SELECT
        rowid AS place,
        project_id,
        run_id,
        valid_from
    FROM
        raw.run_versions
    WHERE
        project_id = $project_id
        AND run_id IN (SELECT unnest($run_ids))
)

SELECT
    version.run_id,
    version.payload
FROM
    raw.run_versions AS version
    INNER JOIN newest('found', run_id) AS newest_one
        ON newest_one.place = version.rowid

-- name: run_lists_read
-- Those of some tasks whose list of runs was read. The list of the others brings the own rows of their runs.
SELECT
    key AS task_id
FROM
    ledger.cursors
WHERE
    project_id = $project_id
    AND resource = 'runs'
    AND key IN (SELECT unnest($task_ids))

-- name: run_facts
-- What the own rows of some runs last said, as far as a task or a summary says it too, and the digest of what a task or
-- summary last said. Runs that are not stored are left out, because the list brings them. A version from a server
-- without `task_summary` does not differ for that reason.
WITH asked AS (
    SELECT unnest($run_ids) AS run_id
),

found AS (
    SELECT
        rowid AS place,
        project_id,
        run_id,
        valid_from
    FROM
        raw.run_versions
        SEMI JOIN asked USING (run_id)
    WHERE
        project_id = $project_id
),

version AS (
    SELECT
        stored.run_id,
        stored.status,
        stored.pr_url,
        stored.pr_state,
        main.event_document(stored.payload) AS document
    FROM
        raw.run_versions AS stored
        INNER JOIN newest('found', run_id) AS newest_one
            ON newest_one.place = stored.rowid
)

SELECT
    version.run_id,
    version.status,
    version.pr_url,
    version.pr_state,
    json_extract_string(version.document, '$.task_summary') AS task_summary,
    json_exists(version.document, '$.task_summary') AS has_summary,
    version.pr_url IS NOT NULL AND coalesce(version.pr_state, 'open') NOT IN ('merged', 'closed') AS pr_open,
    json_extract_string(last_read.position, '$.digest') AS digest
FROM
    version
    LEFT JOIN ledger.cursors AS last_read
        ON last_read.project_id = $project_id
        AND last_read.resource = $resource
        AND last_read.key = version.run_id

-- name: activity_moved
-- Tasks with an older run that has not ended, and their activity if it is newer than what was seen before. If none was
-- seen, it is compared with the time at which their list of runs was read. The first load reads the other lists.
WITH shown AS (
    SELECT
        unnest($task_ids) AS task_id,
        unnest($run_ids) AS latest_run_id,
        unnest($moments) AS at
),

moved AS (
    SELECT
        shown.*
    FROM
        shown
        INNER JOIN ledger.cursors AS listed
            ON listed.project_id = $project_id
            AND listed.resource = 'runs'
            AND listed.key = shown.task_id
        LEFT JOIN ledger.cursors AS seen
            ON seen.project_id = $project_id
            AND seen.resource = 'activity_seen'
            AND seen.key = shown.task_id
    WHERE
        CAST(shown.at AS TIMESTAMPTZ)
        > coalesce(CAST(seen.position AS TIMESTAMPTZ), listed.updated_at - to_seconds($margin_s))
),

found AS (
    SELECT
        project_id,
        task_id,
        run_id,
        valid_from,
        status
    FROM
        raw.run_versions
        SEMI JOIN moved USING (task_id)
    WHERE
        project_id = $project_id
)

SELECT
    moved.task_id,
    max(moved.at) AS at
FROM
    moved
    INNER JOIN newest('found', run_id) AS run
        ON run.task_id = moved.task_id
        AND run.run_id <> moved.latest_run_id
WHERE
    NOT list_contains($terminal, run.status)
GROUP BY
    moved.task_id

-- name: run_facts_due
-- Runs to read by id because a task or a summary differs from them, together with the runs of the same task that name
-- the same pull request, because it may be borrowed from there. Oldest first.
WITH due AS (
    SELECT
        resource,
        key,
        position,
        updated_at,
        json_extract_string(position, '$.task') AS task_id,
        json_extract_string(position, '$.pr_url') AS pr_url
    FROM
        ledger.cursors
    WHERE
        project_id = $project_id
        AND resource IN ('run_facts_task', 'run_facts_summary')
        AND state = 'due'
)

SELECT
    due.resource,
    due.key,
    due.position,
    due.task_id,
    list_distinct(list_append(list(run.run_id) FILTER (WHERE run.run_id IS NOT NULL), due.key)) AS run_ids
FROM
    due
    LEFT JOIN raw.run_versions AS run
        ON run.project_id = $project_id
        AND run.task_id = due.task_id
        AND run.pr_url = due.pr_url
GROUP BY
    due.resource,
    due.key,
    due.position,
    due.task_id,
    due.updated_at
ORDER BY
    due.updated_at,
    due.key
