-- Entries of the batch that may be held already: they stand before the cursor, which never stands before what is held, or
-- come twice.
CREATE OR REPLACE TEMP TABLE doubtful AS
SELECT
    staged.project_id,
    staged.run_id,
    staged.position
FROM
    staged
    LEFT JOIN ledger.cursors AS log
        ON log.project_id = staged.project_id
        AND log.resource = 'run_log'
        AND log.key = staged.run_id
WHERE
    staged.line_kind = 'event'
GROUP BY
    staged.project_id,
    staged.run_id,
    staged.position
HAVING
    count(*) > 1
    OR bool_or(coalesce(staged.position < TRY_CAST(log.position AS BIGINT), FALSE))
