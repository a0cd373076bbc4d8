-- Since when the state of a cursor has held: `since` did not say of what.
ALTER TABLE ledger.cursors RENAME COLUMN since TO state_since
