-- What was observed of one thing, and would come after what is set back of it.
SELECT
    min({column}) FILTER (WHERE {column} > $now) AS first,
    max({column}) FILTER (WHERE {column} <= $now) AS past
FROM
    {table}
GROUP BY
    {keys}
HAVING
    first - $back <= past
