INSERT INTO ledger.cursors BY NAME
SELECT
    * EXCLUDE (unbroken)
FROM
    moved
