-- The pass or the segment in which a record was found.
ALTER TABLE ledger.quarantine RENAME COLUMN brought_by TO found_in
