-- How many rows of the segment are held in raw now; NULL if an older version loaded it.
ALTER TABLE ledger.segments ADD COLUMN held BIGINT
