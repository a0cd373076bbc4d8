-- When the stream was last heard before, by the server's clock if it is known.
ALTER TABLE ledger.resumes ADD COLUMN heard_at TIMESTAMPTZ
