-- What the verdict of a complete pass rests on; NULL for any other pass, and for passes of older versions.
-- `listed`: everything that the verdict speaks of was read, the oldest of it at proven_at.
-- `counted`: as many things are held as the server counts, and one drawn at random was in its place.
ALTER TABLE ledger.passes ADD COLUMN proof VARCHAR
