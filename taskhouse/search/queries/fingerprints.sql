-- A fingerprint of each bucket: the sum of a hash of 64 bits of each mark, in any order.
SELECT
    bucket,
    count(*) || '-' || sum(hash(project_id, task_id, run_id, mark)) AS fingerprint
FROM
    temp.subjects
GROUP BY
    bucket
