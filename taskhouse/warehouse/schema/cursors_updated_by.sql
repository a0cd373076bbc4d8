-- The pass or the segment that moved a cursor, beside `updated_at`.
ALTER TABLE ledger.cursors RENAME COLUMN moved_by TO updated_by
