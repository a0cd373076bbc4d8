DELETE FROM ledger.cursors
