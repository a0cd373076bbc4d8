-- The newest texts that match, in rowids between two times.
SELECT
    documents.rowid AS number,
    documents.kind,
    documents.place,
    documents.at,
    subjects.project_id,
    subjects.task_id,
    subjects.run_id,
    subjects.repository,
    highlight(documents, 0, char(2), char(3)) AS marked,
    NULL AS score
FROM
    documents
    CROSS JOIN subjects
        ON subjects.id = documents.subject
WHERE
    documents MATCH $match
    AND documents.rowid BETWEEN $first AND $last
ORDER BY
    documents.rowid DESC
LIMIT $most
