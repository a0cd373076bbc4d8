-- What a host was asked that never gave anything.
DELETE FROM ledger.passes
