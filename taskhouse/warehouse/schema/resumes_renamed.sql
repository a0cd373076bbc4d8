-- `ledger.passes.resumes` counts how often a pass continued, so connections to streams have a name of their own.
ALTER TABLE ledger.resumes RENAME TO stream_connections
