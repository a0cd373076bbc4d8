-- Why something is missing, as a code to filter by; `how` says the same to people. NULL if an older version found the gap
-- and its sentence does not tell.
ALTER TABLE ledger.gaps ADD COLUMN kind VARCHAR
