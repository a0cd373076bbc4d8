-- What the report of a week depends on: everything that is known of the time until its end.
SELECT
    concat_ws(
        '|',
        (
            SELECT concat_ws(',', count(*), max(observed_at), max(pass_id))
            FROM raw.readiness_snapshots
            WHERE generated_at < main.day_start(CAST($until AS DATE) + 1)
        ),
        (
            SELECT concat_ws(',', count(*), max(valid_from))
            FROM raw.run_versions
            WHERE created_at < main.day_start(CAST($until AS DATE) + 1)
        ),
        (
            SELECT concat_ws(',', count(*), max(valid_from))
            FROM raw.task_versions
            WHERE created_at < main.day_start(CAST($until AS DATE) + 1)
        ),
        (
            SELECT concat_ws(',', sum(lines), max(last_received_at))
            FROM ({stored}) AS stored
            WHERE first_received_at < main.day_start(CAST($until AS DATE) + 2)
        ),
        (
            SELECT concat_ws(',', count(*), max(valid_from))
            FROM raw.task_usage
        )
    ) AS basis
