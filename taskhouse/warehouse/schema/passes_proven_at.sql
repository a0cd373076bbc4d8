-- When the oldest page was read that the verdict rests on; NULL while not everything was read at least once.
ALTER TABLE ledger.passes ADD COLUMN proven_at TIMESTAMPTZ
