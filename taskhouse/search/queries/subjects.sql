-- Every run and every task: with a mark that changes whenever a text of it may have changed, in one of 4,096 buckets.
CREATE OR REPLACE TEMP TABLE subjects AS
WITH task AS (
    SELECT
        project_id,
        task_id,
        arg_max_null(repository, valid_from) AS repository,
        arg_max_null(title, valid_from) AS title,
        max(valid_from) AS valid_from
    FROM
        raw.task_versions
    GROUP BY
        project_id,
        task_id
),

run_version AS (
    SELECT
        project_id,
        run_id,
        max(valid_from) AS valid_from
    FROM
        raw.run_versions
    GROUP BY
        project_id,
        run_id
),

subject AS (
    SELECT
        run.project_id,
        run.task_id,
        run.run_id,
        task.repository,
        NULL AS title,
        CASE WHEN run.is_stored THEN run.derivation END AS derivation,
        run.lines,
        coalesce(run.last_received_at, run.changed_at) AS changed_at,
        concat_ws(
            ' ', $definitions, run.lines, epoch_us(run.changed_at), epoch_us(run_version.valid_from), task.repository
        ) AS mark
    FROM
        mart.runs AS run
        LEFT JOIN task
            ON run.project_id = task.project_id
            AND run.task_id = task.task_id
        LEFT JOIN run_version
            ON run.project_id = run_version.project_id
            AND run.run_id = run_version.run_id
    UNION ALL
    SELECT
        project_id,
        task_id,
        NULL AS run_id,
        repository,
        main.plain_text(title) AS title,
        NULL AS derivation,
        1 AS lines,
        valid_from AS changed_at,
        concat_ws(' ', $definitions, epoch_us(valid_from), repository) AS mark
    FROM
        task
)

SELECT
    *,
    md5(concat_ws(' ', project_id, task_id, run_id))[:3] AS bucket
FROM
    subject
