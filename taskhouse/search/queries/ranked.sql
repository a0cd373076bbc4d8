-- The best of the texts in the table candidates, which has the columns of documents.
SELECT
    candidates.rowid AS number,
    candidates.kind,
    candidates.place,
    candidates.at,
    subjects.project_id,
    subjects.task_id,
    subjects.run_id,
    subjects.repository,
    highlight(candidates, 0, char(2), char(3)) AS marked,
    -bm25(candidates, 1.0, 0.5, 0.0) AS score
FROM
    candidates
    CROSS JOIN subjects
        ON subjects.id = candidates.subject
WHERE
    candidates MATCH $match
ORDER BY
    candidates.rank,
    candidates.rowid DESC
LIMIT $most
