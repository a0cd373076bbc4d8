-- Why the stream was left behind for good after `after_stream_id`; such a row is about no connection.
ALTER TABLE ledger.resumes ADD COLUMN ending VARCHAR
