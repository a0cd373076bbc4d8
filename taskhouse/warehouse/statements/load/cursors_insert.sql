INSERT INTO ledger.cursors BY NAME
SELECT
    *
FROM
    moved
