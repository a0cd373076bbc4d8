-- How many events a connection brought is known only of those that older versions noted at their end.
ALTER TABLE ledger.resumes ALTER COLUMN events DROP NOT NULL
