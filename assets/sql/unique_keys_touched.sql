-- Rows that share their key with another row, among the runs that were loaded since a moment.
WITH touched AS (
    SELECT DISTINCT
        run_id
    FROM
        raw.{table}
    WHERE
        project_id = $project_id
        AND segment IN (
            SELECT
                segment
            FROM
                ledger.segments
            WHERE
                loaded_at >= $since
        )
)

SELECT
    count(*) AS rows,
    count(*) - count(DISTINCT ({key})) AS doubles
FROM
    raw.{table}
    SEMI JOIN touched USING (run_id)
WHERE
    project_id = $project_id
    AND {where}
