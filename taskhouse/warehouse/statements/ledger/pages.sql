INSERT INTO ledger.pages BY NAME
SELECT
    *
FROM
    incoming
