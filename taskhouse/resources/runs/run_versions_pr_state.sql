-- The state of the run's pull request, so that those that are open are found without reading what the run holds.
ALTER TABLE raw.run_versions ADD COLUMN
    pr_state VARCHAR
