-- Rows of one thing whose validity overlaps that of the next one.
WITH stretch AS (
    SELECT
        {begins} AS begins,
        {ends} AS ends,
        lead({begins}) OVER (PARTITION BY {thing} ORDER BY {begins}) AS next_begins
    FROM
        raw.{table}
    WHERE
        project_id = $project_id
)

SELECT
    count(*) AS rows,
    count(*) FILTER (
        next_begins <= begins
        OR (next_begins IS NOT NULL AND {open_end})
        OR ends > next_begins
    ) AS overlaps
FROM
    stretch
