INSERT INTO ledger.gaps BY NAME
SELECT
    *
FROM
    found
