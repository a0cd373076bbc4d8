-- Since when the state of a cursor has held without a break.
ALTER TABLE ledger.cursors ADD COLUMN since TIMESTAMPTZ
