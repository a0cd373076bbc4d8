-- The number of the newest commit.
ALTER TABLE ledger.origin ADD COLUMN generation BIGINT
