-- Everything seen now: the open stretch is longer. {table}, {key} and {same} are names from our own schema.
UPDATE raw.{table} AS held
SET
    last_seen_at = greatest(held.last_seen_at, seen.seen_at),
    last_pass_id = seen.pass_id
FROM
    (
        SELECT
            project_id,
            {key},
            max(seen_at) AS seen_at,
            any_value(pass_id) AS pass_id
        FROM
            seen
        GROUP BY
            project_id,
            {key}
    ) AS seen
WHERE
    {same}
    AND held.absent_since IS NULL
