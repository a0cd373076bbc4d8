SELECT
    host
FROM
    ledger.origin
