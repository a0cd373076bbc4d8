UPDATE ledger.origin
SET
    generation = $generation
