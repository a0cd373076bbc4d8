-- The runs and tasks of some buckets, those that changed last first.
SELECT
    *
FROM
    temp.subjects
WHERE
    bucket IN (SELECT unnest($buckets))
ORDER BY
    changed_at DESC,
    project_id,
    task_id,
    run_id
