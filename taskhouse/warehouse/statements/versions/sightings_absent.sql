-- The stretch of everything that a complete pass proved absent ends at that pass.
UPDATE raw.{table} AS held
SET
    absent_since = greatest(seen.seen_at, held.last_seen_at),
    absent_pass_id = seen.pass_id
FROM
    seen
WHERE
    {same}
    AND held.absent_since IS NULL
