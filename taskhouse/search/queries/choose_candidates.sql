INSERT INTO temp.candidates (rowid, text, parts, facets, kind, subject, place, at)
SELECT
    rowid,
    text,
    parts,
    facets,
    kind,
    subject,
    place,
    at
FROM
    documents
WHERE
    documents MATCH $match
    AND rowid BETWEEN $first AND $last
ORDER BY
    rowid DESC
LIMIT $candidates
