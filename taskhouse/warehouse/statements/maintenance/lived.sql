-- When the oldest of the last $days days began on which anything was synced; no row if those are fewer. A clock that
-- was ahead for an hour has lived one day, whatever it said.
SELECT min(day)
FROM (
    SELECT DISTINCT date_trunc('day', started_at) AS day
    FROM ledger.passes
    ORDER BY day DESC
    LIMIT $days
)
HAVING count(*) = $days
