-- States that are older than the column have held since they were seen last, at the latest.
UPDATE ledger.cursors
SET
    since = updated_at
