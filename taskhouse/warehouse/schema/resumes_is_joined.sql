-- Whether the stream still held the last event that was read before; NULL where that is not known.
ALTER TABLE ledger.resumes ADD COLUMN is_joined BOOLEAN
