-- What is wrong with a record, as a code to filter by; `reason` says it to people.
ALTER TABLE ledger.quarantine ADD COLUMN kind VARCHAR
