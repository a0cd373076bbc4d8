-- The runs of the days since, newest first, each with what its page depends on.
WITH gap AS (
    SELECT
        project_id,
        run_id,
        count(*) AS gaps,
        count(*) FILTER (WHERE repaired_from_log) AS repaired
    FROM
        ledger.gaps
    GROUP BY
        project_id,
        run_id
),

known AS (
    SELECT
        project_id,
        run_id,
        count(*) AS versions,
        max(valid_from) AS valid_from
    FROM
        raw.run_versions
    GROUP BY
        project_id,
        run_id
)

SELECT
    run.project_id,
    run.run_id,
    run.task_id,
    task.title,
    run.status,
    run.attempts,
    run.repository,
    run.model,
    run.created_at,
    run.duration_s,
    run.pr_url,
    run.pr_state,
    run.gaps AS open_gaps,
    concat_ws(
        '|',
        run.valid_from,
        known.versions,
        stored.lines,
        stored.last_received_at,
        run.capture_state,
        run.status,
        run.attempts,
        gap.gaps,
        gap.repaired,
        md5(concat_ws('|', task.title, task.payload))
    ) AS basis
FROM
    runs AS run
    LEFT JOIN tasks AS task USING (project_id, task_id)
    LEFT JOIN ({stored}) AS stored USING (project_id, run_id)
    LEFT JOIN gap USING (project_id, run_id)
    LEFT JOIN known USING (project_id, run_id)
WHERE
    coalesce(run.created_at, run.valid_from) >= main.day_start(CAST($since AS DATE))
ORDER BY
    run.created_at DESC NULLS LAST,
    run.project_id,
    run.run_id
