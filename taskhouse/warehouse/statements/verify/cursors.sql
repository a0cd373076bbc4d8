-- A log's cursor never stands before what is held of it.
SELECT
    'log of run ' || entry.run_id AS what,
    coalesce(TRY_CAST(log.position AS BIGINT) > entry.last, FALSE) AS fine
FROM
    (
        SELECT
            project_id,
            run_id,
            max(position) AS last
        FROM
            raw.run_log_entries
        GROUP BY
            ALL
    ) AS entry
    LEFT JOIN ledger.cursors AS log
        ON log.project_id = entry.project_id
        AND log.resource = 'run_log'
        AND log.key = entry.run_id
