-- When a run that waits in `not_started` is to begin, so that it is not asked for as if it moved.
ALTER TABLE raw.run_versions ADD COLUMN
    scheduled_at TIMESTAMPTZ
