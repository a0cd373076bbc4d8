-- Everything seen now: the open stretch is longer. {table} and {key} are names from our own schema.
UPDATE raw.{table} AS held
SET
    last_seen_at = greatest(held.last_seen_at, seen.seen_at)
FROM
    seen
WHERE
    held.project_id = seen.project_id
    AND held.{key} = seen.key
    AND held.absent_since IS NULL
