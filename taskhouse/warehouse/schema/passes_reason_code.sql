-- The most serious reason of an incomplete pass, as a code to filter by; `reason` says all of them to people. NULL for any
-- other pass, and if an older version wrote the reason and its words do not tell.
ALTER TABLE ledger.passes ADD COLUMN reason_code VARCHAR
