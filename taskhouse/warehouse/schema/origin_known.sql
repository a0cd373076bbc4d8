-- A history that is older than the columns is known by the moment when it began, also in copies that lack them.
UPDATE ledger.origin
SET
    id = md5(CAST(epoch_us(created_at) AS VARCHAR)),
    generation = 0
