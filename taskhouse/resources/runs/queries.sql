-- Which lists of runs are due (`due`, `resting`, `oldest_look`), and how versions of runs are kept: what a run's own
-- row completes is found, deleted and inserted again through the temp table `completed`; `latest_run_moved` follows.

-- name: due
-- Tasks whose list of runs may contain something new: it was never read, or not since there is a new latest run, or the
-- task differs from the stored version of that run, or an older run may still change, or the list was refused or could
-- not be read in full. `is_active` says whether the task was active since its list was read, as far as that is known.
-- Of tasks that are absent nothing is read. A run changed when the server says so, or when a later version was seen
-- here; a first sight is no change.
WITH present AS (
    SELECT
        task_id,
        last_seen_at
    FROM
        raw.task_sightings
    WHERE
        project_id = $project_id
        AND absent_since IS NULL
),

task AS (
    SELECT
        task_id,
        arg_max_null(latest_run_id, valid_from) AS latest_run_id,
        arg_max_null(latest_run_status, valid_from) AS latest_run_status
    FROM
        raw.task_versions
        SEMI JOIN present USING (task_id)
    WHERE
        project_id = $project_id
    GROUP BY
        task_id
),

run AS (
    SELECT
        any_value(task_id) AS task_id,
        run_id,
        arg_max_null(status, valid_from) AS status,
        arg_max_null(scheduled_at, valid_from) AS scheduled_at,
        greatest(
            arg_max_null(created_at, valid_from),
            arg_max_null(updated_at, valid_from),
            arg_max_null(completed_at, valid_from),
            CASE WHEN count(*) > 1 THEN max(valid_from) END
        ) AS changed_at
    FROM
        raw.run_versions
        SEMI JOIN present USING (task_id)
    WHERE
        project_id = $project_id
    GROUP BY
        run_id
),

older AS (
    SELECT
        run.task_id,
        list(
            struct_pack(
                run_id := run.run_id,
                status := run.status,
                changed_at := run.changed_at,
                scheduled_at := run.scheduled_at
            )
        ) AS runs
    FROM
        run
        INNER JOIN task USING (task_id)
        INNER JOIN ledger.cursors AS listed
            ON listed.project_id = $project_id
            AND listed.resource = 'runs'
            AND listed.key = run.task_id
    WHERE
        run.run_id <> task.latest_run_id
        AND (
            NOT list_contains($terminal, run.status)
            OR listed.updated_at < run.changed_at + to_seconds($grace_s)
        )
    GROUP BY
        run.task_id
)

SELECT
    task.task_id,
    task.latest_run_id,
    listed.position IS NULL AS never,
    listed.position IS DISTINCT FROM task.latest_run_id
    OR latest.status IS DISTINCT FROM task.latest_run_status AS moved,
    listed.updated_at AS listed_at,
    listed.state,
    listed.state_since AS since,
    present.last_seen_at AS task_seen_at,
    seen.position AS activity_seen,
    seen.position IS NOT NULL
    AND seen.position IS DISTINCT FROM covered.position AS is_active,
    older.runs AS older,
    latest.changed_at
FROM
    present
    INNER JOIN task USING (task_id)
    LEFT JOIN ledger.cursors AS listed
        ON listed.project_id = $project_id
        AND listed.resource = 'runs'
        AND listed.key = present.task_id
    LEFT JOIN ledger.cursors AS seen
        ON seen.project_id = $project_id
        AND seen.resource = 'activity_seen'
        AND seen.key = present.task_id
    LEFT JOIN ledger.cursors AS covered
        ON covered.project_id = $project_id
        AND covered.resource = 'activity_listed'
        AND covered.key = present.task_id
    LEFT JOIN run AS latest
        ON latest.run_id = task.latest_run_id
    LEFT JOIN older
        ON older.task_id = present.task_id
WHERE
    task.latest_run_id IS NOT NULL
    AND (
        listed.position IS DISTINCT FROM task.latest_run_id
        OR latest.status IS DISTINCT FROM task.latest_run_status
        OR older.runs IS NOT NULL
        OR listed.state IN ('not_found', 'refused', 'unread')
    )

-- name: resting
-- Lists of runs with an older run at rest whose log expires soon, and that were not read since that is so. Refused
-- lists have their own times.
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
        task_id,
        run_id,
        greatest(created_at, updated_at, completed_at, changed_here_at) AS changed_at
    FROM
        newest('raw.run_versions', run_id)
    WHERE
        project_id = $project_id
)

SELECT
    task.task_id,
    any_value(task.latest_run_id) AS latest_run_id,
    min(run.changed_at) AS changed_at
FROM
    run
    INNER JOIN task USING (task_id)
    INNER JOIN ledger.cursors AS listed
        ON listed.project_id = $project_id
        AND listed.resource = 'runs'
        AND listed.key = run.task_id
    SEMI JOIN (
        SELECT task_id FROM raw.task_sightings WHERE project_id = $project_id AND absent_since IS NULL
    ) AS present
        ON present.task_id = run.task_id
WHERE
    run.run_id IS DISTINCT FROM task.latest_run_id
    AND run.changed_at > $expired
    AND run.changed_at <= $soon
    AND listed.state = 'listed'
    AND listed.updated_at < run.changed_at + to_seconds($rest_s)
GROUP BY
    task.task_id
ORDER BY
    changed_at,
    task.task_id
LIMIT
    $most

-- name: oldest_look
-- When the list of runs that has waited longest was last read, among present tasks with a run whose log still exists.
-- The verdict counts lists that were refused last time instead.
SELECT
    min(listed.updated_at) AS looked_at
FROM
    ledger.cursors AS listed
    SEMI JOIN (
        SELECT task_id FROM raw.task_sightings WHERE project_id = $project_id AND absent_since IS NULL
    ) AS present
        ON present.task_id = listed.key
    SEMI JOIN (
        SELECT
            task_id
        FROM
            raw.run_versions
        WHERE
            project_id = $project_id
            AND greatest(created_at, updated_at, completed_at) > $expired
    ) AS run
        ON run.task_id = listed.key
WHERE
    listed.project_id = $project_id
    AND listed.resource = 'runs'
    AND listed.state = 'listed'

-- name: completed_find
-- Newest versions that a task told without the run's pull request, which the run's own row brings now: all else is
-- equal.
CREATE OR REPLACE TEMP TABLE completed AS
SELECT
    incoming.* REPLACE (stored.valid_from AS valid_from)
FROM
    incoming
    INNER JOIN raw.run_versions AS stored
        ON stored.project_id = incoming.project_id
        AND stored.run_id = incoming.run_id
        AND stored.observed_in = 'task'
        AND stored.content_hash = incoming.bare_hash
    ANTI JOIN raw.run_versions AS later
        ON later.project_id = stored.project_id
        AND later.run_id = stored.run_id
        AND later.valid_from > stored.valid_from
WHERE
    incoming.observed_in <> 'task'
QUALIFY
    row_number() OVER (PARTITION BY incoming.project_id, incoming.run_id ORDER BY incoming.page DESC) = 1

-- name: completed_delete
DELETE FROM raw.run_versions USING completed
WHERE
    raw.run_versions.project_id = completed.project_id
    AND raw.run_versions.run_id = completed.run_id
    AND raw.run_versions.valid_from = completed.valid_from

-- name: completed_insert
INSERT INTO raw.run_versions BY NAME
SELECT
    * EXCLUDE (bare_hash)
FROM
    completed

-- name: latest_run_moved
-- A run's own row also shows the state of its task's latest run, so the task gets the version that its own row would
-- show now. The payloads are read of these tasks alone.
INSERT INTO raw.task_versions BY NAME
WITH stored_runs AS (
    SELECT
        project_id,
        run_id,
        valid_from,
        status,
        environment,
        pass_id,
        page
    FROM
        raw.run_versions
        SEMI JOIN incoming USING (project_id, run_id)
),

stored_tasks AS (
    SELECT
        rowid AS place,
        project_id,
        task_id,
        valid_from,
        latest_run_id,
        latest_run_status,
        latest_run_environment
    FROM
        raw.task_versions
        SEMI JOIN incoming USING (project_id, task_id)
),

moved AS (
    SELECT
        task.place,
        greatest(run.valid_from, task.valid_from + INTERVAL 1 MICROSECOND) AS valid_from,
        run.status,
        run.environment,
        run.pass_id,
        run.page
    FROM
        newest('stored_tasks', task_id) AS task
        INNER JOIN newest('stored_runs', run_id) AS run
            ON run.project_id = task.project_id
            AND run.run_id = task.latest_run_id
    WHERE
        run.valid_from > task.valid_from - INTERVAL 1 MILLISECOND
        AND (
            task.latest_run_status IS DISTINCT FROM run.status
            OR task.latest_run_environment IS DISTINCT FROM run.environment
        )
)

SELECT
    task.* REPLACE (
        moved.valid_from AS valid_from,
        'run' AS observed_in,
        moved.status AS latest_run_status,
        moved.environment AS latest_run_environment,
        moved.pass_id AS pass_id,
        moved.page AS page
    )
FROM
    raw.task_versions AS task
    INNER JOIN moved
        ON moved.place = task.rowid
