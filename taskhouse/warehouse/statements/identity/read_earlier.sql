-- The same of a file from before there were ids; the migration gives it the id that is computed here.
SELECT
    md5(CAST(epoch_us(created_at) AS VARCHAR)) AS id,
    host,
    created_at,
    0 AS generation
FROM
    ledger.origin
