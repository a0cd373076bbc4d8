-- Moments of our own clock that lie ahead of it, and what setting them back would put in the wrong order.

-- name: bounds
-- The first and the last of the moments that are still to come.
SELECT
    min(moment) AS first,
    max(moment) AS last
FROM
    ({moments})
WHERE
    moment > $now

-- name: conflicts
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
