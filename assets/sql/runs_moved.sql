-- Runs that a pass saw in another state than before, or for the first time: those that go on, and those that ended. And
-- lists of runs that it made due, because a task with an older run that has not ended was active.
WITH touched AS (
    SELECT DISTINCT
        run_id
    FROM
        raw.run_versions
    WHERE
        project_id = $project_id
        AND pass_id = $pass_id
),

version AS (
    SELECT
        run_id,
        pass_id,
        list_contains($terminal, status) AS ended,
        status IS DISTINCT FROM lag(status) OVER (PARTITION BY run_id ORDER BY valid_from) AS moved
    FROM
        raw.run_versions
        SEMI JOIN touched USING (run_id)
    WHERE
        project_id = $project_id
)

SELECT
    count(DISTINCT run_id) FILTER (NOT ended) AS active,
    count(DISTINCT run_id) FILTER (ended) AS ended,
    (
        SELECT count(*)
        FROM ledger.cursors
        WHERE project_id = $project_id AND resource = 'activity_seen' AND updated_by = $pass_id
    ) AS lists
FROM
    version
WHERE
    moved
    AND pass_id = $pass_id
