-- The judged runs that are over, as their newest version says: since when, where, and whether they were seen before that.
CREATE OR REPLACE TEMP TABLE over AS
SELECT
    version.project_id,
    version.run_id,
    arg_max(version.environment, version.valid_from) AS environment,
    arg_max(version.completed_at, version.valid_from) AS completed_at,
    coalesce(arg_max(version.completed_at, version.valid_from), 'epoch') AS over_at,
    bool_or(version.status NOT IN ('completed', 'failed', 'cancelled')) AS was_live
FROM
    raw.run_versions AS version
    SEMI JOIN judged USING (project_id, run_id)
GROUP BY
    version.project_id,
    version.run_id
HAVING
    arg_max(version.status, version.valid_from) IN ('completed', 'failed', 'cancelled')
