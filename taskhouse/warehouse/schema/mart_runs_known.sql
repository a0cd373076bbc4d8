-- Every run that is known already.
INSERT INTO mart.runs BY NAME
SELECT
    project_id,
    arg_min(task_id, place) AS task_id,
    run_id,
    CAST(sum(lines) AS BIGINT) AS lines,
    min(first_received_at) AS first_received_at,
    max(last_received_at) AS last_received_at,
    coalesce(greatest(max(last_received_at), max(valid_from)), TIMESTAMPTZ 'epoch') AS changed_at,
    true AS is_due,
    false AS is_stored
FROM (
    SELECT
        project_id,
        any_value(task_id) AS task_id,
        run_id,
        1 AS place,
        count(*) AS lines,
        min(received_at) AS first_received_at,
        max(received_at) AS last_received_at
    FROM
        raw.run_events
    GROUP BY
        project_id,
        run_id
    UNION ALL BY NAME
    SELECT
        project_id,
        any_value(task_id) AS task_id,
        run_id,
        2 AS place,
        count(*) AS lines,
        min(received_at) AS first_received_at,
        max(received_at) AS last_received_at
    FROM
        raw.run_log_entries
    GROUP BY
        project_id,
        run_id
    UNION ALL BY NAME
    SELECT
        project_id,
        any_value(task_id) AS task_id,
        run_id,
        0 AS place,
        0 AS lines,
        max(valid_from) AS valid_from
    FROM
        raw.run_versions
    GROUP BY
        project_id,
        run_id
) AS known
WHERE
    NOT EXISTS (
        SELECT 1
        FROM mart.runs AS held
        WHERE
            held.project_id = known.project_id
            AND held.run_id = known.run_id
    )
GROUP BY
    project_id,
    run_id
