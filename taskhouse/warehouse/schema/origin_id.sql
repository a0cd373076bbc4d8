-- Which history this is, the same in every copy of it.
ALTER TABLE ledger.origin ADD COLUMN id VARCHAR
