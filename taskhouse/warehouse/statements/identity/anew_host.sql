UPDATE ledger.origin
SET
    host = $host
