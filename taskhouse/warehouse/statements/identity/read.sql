SELECT
    id,
    host,
    created_at,
    generation
FROM
    ledger.origin
