-- Each repository that became ready, with its runs in the weeks before and after.
SELECT
    change.project_id,
    change.repository,
    change.after_since AS day,
    change.weeks,
    coalesce(sum(run.runs) FILTER (WHERE run.day < change.after_since), 0)::BIGINT AS before,
    coalesce(sum(run.completed) FILTER (WHERE run.day < change.after_since), 0)::BIGINT AS completed_before,
    coalesce(sum(run.runs) FILTER (WHERE run.day >= change.after_since), 0)::BIGINT AS after,
    coalesce(sum(run.completed) FILTER (WHERE run.day >= change.after_since), 0)::BIGINT AS completed_after
FROM
    outcome_changes AS change
    LEFT JOIN outcome_runs AS run
        ON change.project_id = run.project_id
        AND change.repository = run.repository
        AND (
            run.day BETWEEN change.before_since AND change.before_until
            OR run.day BETWEEN change.after_since AND change.after_until
        )
GROUP BY
    change.project_id,
    change.repository,
    change.after_since,
    change.weeks
ORDER BY
    day DESC,
    change.project_id,
    change.repository
