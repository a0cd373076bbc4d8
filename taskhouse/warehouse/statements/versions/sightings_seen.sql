-- Everything seen now: the open stretch is longer. {table} and {key} are names from our own schema.
UPDATE raw.{table} AS held
SET
    last_seen_at = greatest(held.last_seen_at, newest.seen_at),
    last_pass_id = newest.pass_id
FROM
    (
        SELECT
            project_id,
            key,
            max(seen_at) AS seen_at,
            any_value(pass_id) AS pass_id
        FROM
            seen
        GROUP BY
            project_id,
            key
    ) AS newest
WHERE
    held.project_id = newest.project_id
    AND held.{key} = newest.key
    AND held.absent_since IS NULL
