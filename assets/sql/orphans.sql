-- Things that rows name and that are not held, among the rows that came since a moment where those can be found.
WITH named AS (
    SELECT DISTINCT
        {column} AS thing
    FROM
        raw.{table}
    WHERE
        project_id = $project_id
        AND {where}
)

SELECT
    count(*) AS looked_at,
    count(*) FILTER (held.thing IS NULL) AS orphans
FROM
    named
    LEFT JOIN (
        SELECT DISTINCT {column} AS thing FROM raw.{other} WHERE project_id = $project_id
    ) AS held USING (thing)
