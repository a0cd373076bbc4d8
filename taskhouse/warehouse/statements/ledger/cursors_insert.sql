INSERT INTO ledger.cursors BY NAME
SELECT
    * REPLACE (coalesce(since, updated_at) AS since)
FROM
    incoming
