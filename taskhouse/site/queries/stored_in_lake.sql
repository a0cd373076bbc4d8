-- How much is stored of each run, counted anew, since the lake has no such figures.
SELECT
    project_id,
    run_id,
    count(*) AS lines,
    min(received_at) AS first_received_at,
    max(received_at) AS last_received_at
FROM
    (
        SELECT
            project_id,
            run_id,
            received_at
        FROM
            raw.run_events
        UNION ALL
        SELECT
            project_id,
            run_id,
            received_at
        FROM
            raw.run_log_entries
    )
GROUP BY
    project_id,
    run_id
