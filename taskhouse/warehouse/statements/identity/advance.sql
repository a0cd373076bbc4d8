UPDATE ledger.origin
SET
    generation = generation + 1
RETURNING
    id,
    host,
    created_at,
    generation
