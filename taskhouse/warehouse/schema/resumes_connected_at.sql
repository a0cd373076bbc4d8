-- When the connection began, by the server's clock: written with its first events, so that no kill erases it.
ALTER TABLE ledger.resumes ADD COLUMN connected_at TIMESTAMPTZ
