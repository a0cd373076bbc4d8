-- No gap was found yet.
CREATE OR REPLACE TEMP TABLE found (
    project_id BIGINT,
    run_id VARCHAR,
    after_stream_id VARCHAR,
    before_stream_id VARCHAR,
    how VARCHAR,
    certain BOOLEAN,
    repaired_from_log BOOLEAN
)
