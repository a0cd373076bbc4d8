-- The last pass of every resource and project, and when it was last complete.
WITH complete AS (
    SELECT
        project_id,
        resource,
        max(finished_at) AS finished_at
    FROM
        ledger.passes
    WHERE
        verdict = 'complete'
    GROUP BY
        project_id,
        resource
)

SELECT
    last.project_id,
    last.resource,
    last.verdict,
    last.reason,
    last.rows_seen,
    last.rows_added,
    last.viewer,
    epoch(now() - coalesce(last.finished_at, last.started_at)) AS age_s,
    epoch(now() - complete.finished_at) AS complete_age_s
FROM
    ledger.passes AS last
    LEFT JOIN complete USING (project_id, resource)
QUALIFY
    row_number() OVER (PARTITION BY last.project_id, last.resource ORDER BY last.started_at DESC) = 1
