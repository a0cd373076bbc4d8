-- The rows of a published copy, attached as `copy`, that the lake has of tables of which it does not have everything.

-- name: origin
-- Without the generation, which changes with every commit: `lake_shards` shows it.
SELECT
    * EXCLUDE (generation)
FROM
    copy.ledger.origin

-- name: cursors
-- What the views show: the states of streams and logs, and when the cost of a task was last requested.
SELECT
    project_id,
    resource,
    key,
    state,
    state_since,
    CASE WHEN resource = 'task_usage' THEN updated_at END AS updated_at
FROM
    copy.ledger.cursors
WHERE
    resource IN ('run_stream', 'run_log', 'task_usage')

-- name: runs
-- Every run, and whether what is computed from it is stored. In the lake it counts as stored once the run has ended, so
-- a run that goes on is not published again and again.
WITH ended AS (
    SELECT
        project_id,
        run_id
    FROM
        copy.raw.run_versions
    GROUP BY
        project_id,
        run_id
    HAVING
        arg_max(status, valid_from) IN ('completed', 'failed', 'cancelled')
)

SELECT
    run.project_id,
    run.task_id,
    run.run_id,
    run.is_stored AND ended.run_id IS NOT NULL AS is_stored,
    CASE WHEN run.is_stored AND ended.run_id IS NOT NULL THEN run.derivation END AS derivation,
    CASE WHEN run.is_stored AND ended.run_id IS NOT NULL THEN run.derived_at END AS derived_at
FROM
    copy.mart.runs AS run
    LEFT JOIN ended USING (project_id, run_id)
