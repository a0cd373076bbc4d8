-- What the server refused at the last look, with the time: streams and logs by run, the rest by task. It is gone
-- where its task is proved absent. A run that only the tail has seen is looked for by every pass over the tasks.
WITH told AS (
    SELECT
        cursor.resource,
        cursor.key,
        cursor.state,
        coalesce(cursor.since, cursor.updated_at) AS since,
        CASE
            WHEN NOT list_contains($of_tasks, cursor.resource) AND run.task_id IS NULL THEN greatest(cursor.updated_at, $now)
            ELSE cursor.updated_at
        END AS asked_at,
        CASE WHEN list_contains($of_tasks, cursor.resource) THEN cursor.key ELSE run.task_id END AS task_id
    FROM
        ledger.cursors AS cursor
        LEFT JOIN (
            SELECT
                run_id,
                any_value(task_id) AS task_id
            FROM
                raw.run_versions
            WHERE
                project_id = $project_id
            GROUP BY
                run_id
        ) AS run
            ON run.run_id = cursor.key
    WHERE
        cursor.project_id = $project_id
        AND list_contains($resources, cursor.resource)
        AND cursor.state IN ('not_found', 'refused')
)

SELECT
    told.*,
    coalesce(
        task_id IN (SELECT task_id FROM raw.task_sightings WHERE project_id = $project_id)
        AND task_id NOT IN (
            SELECT task_id
            FROM raw.task_sightings
            WHERE project_id = $project_id AND absent_since IS NULL
        ),
        FALSE
    ) AS gone
FROM
    told
ORDER BY
    since,
    key
