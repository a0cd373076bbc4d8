SELECT
    count(*) AS looked_at,
    count(*) FILTER (WHERE fine IS NULL) AS unknown,
    count(*) FILTER (WHERE NOT fine) AS wrong,
    list(CAST(what AS VARCHAR)) FILTER (WHERE NOT fine)[:{examples}] AS examples
FROM
    ({rows})
