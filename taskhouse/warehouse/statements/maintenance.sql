-- What the daily maintenance deletes, and when it may.

-- name: lived
-- When the oldest of the last $days days with a sync began; no row if there are fewer. A clock that was ahead for an
-- hour adds only one day.
SELECT min(day)
FROM (
    SELECT DISTINCT date_trunc('day', started_at) AS day
    FROM ledger.passes
    ORDER BY day DESC
    LIMIT $days
)
HAVING count(*) = $days

-- name: pages
-- Pages that were read before a moment and brought nothing that is stored.
DELETE FROM ledger.pages AS page
WHERE
    fetched_at < $before
    AND NOT EXISTS (
        FROM
            (
                {tables}
            ) AS named
        WHERE
            named.pass_id = page.pass_id
            AND named.page = page.page
    )
RETURNING
    pass_id
