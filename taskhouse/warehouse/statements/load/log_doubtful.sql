-- Entries of the batch that may be stored already: they stand before the cursor, which moves with what is stored.
CREATE OR REPLACE TEMP TABLE doubtful AS
SELECT
    staged.project_id,
    staged.run_id,
    staged.position
FROM
    staged
    INNER JOIN ledger.cursors AS log
        ON log.project_id = staged.project_id
        AND log.resource = 'run_log'
        AND log.key = staged.run_id
WHERE
    staged.position < TRY_CAST(log.position AS BIGINT)
