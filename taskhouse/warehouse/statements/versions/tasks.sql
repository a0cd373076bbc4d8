-- A version for every real change of a task, in the order in which it was observed, never two at one moment. What was
-- observed before the version that is held is late, and refused.
INSERT INTO raw.task_versions BY NAME
WITH current AS (
    SELECT
        stored.*
    FROM
        raw.task_versions AS stored
        SEMI JOIN incoming USING (project_id, task_id)
    QUALIFY
        row_number() OVER (PARTITION BY stored.project_id, stored.task_id ORDER BY stored.valid_from DESC) = 1
),

line AS (
    SELECT
        false AS fresh,
        current.*
    FROM
        current
    UNION ALL BY NAME
    SELECT
        true AS fresh,
        incoming.*
    FROM
        incoming
        LEFT JOIN current USING (project_id, task_id)
    WHERE
        current.task_id IS NULL
        OR incoming.valid_from > current.valid_from - INTERVAL 1 MILLISECOND
),

judged AS (
    SELECT
        line.*,
        row_number() OVER observed AS place,
        max(valid_from) FILTER (WHERE NOT fresh) OVER whole AS held_from,
        lag(task_id) OVER observed IS NULL
        OR lag(content_hash) OVER observed IS DISTINCT FROM content_hash
        OR lag(latest_run_id) OVER observed IS DISTINCT FROM latest_run_id
        OR lag(latest_run_status) OVER observed IS DISTINCT FROM latest_run_status
        OR lag(latest_run_environment) OVER observed IS DISTINCT FROM latest_run_environment AS changed
    FROM
        line
    WINDOW
        whole AS (PARTITION BY project_id, task_id),
        observed AS (PARTITION BY project_id, task_id ORDER BY fresh, valid_from, page)
)

SELECT
    judged.* EXCLUDE (fresh, place, held_from, changed) REPLACE (
        greatest(valid_from, held_from + INTERVAL 1 MICROSECOND) + to_microseconds(place - 1) AS valid_from
    )
FROM
    judged
WHERE
    fresh
    AND changed
