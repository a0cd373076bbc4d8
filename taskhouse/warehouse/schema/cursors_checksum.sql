-- What the event at the cursor of a stream said, as `ledger.segments` adds it up; NULL where that is not known.
ALTER TABLE ledger.cursors ADD COLUMN checksum BIGINT
