-- One row per hole in a run's events: certain where the agent's own numbering proves it.
CREATE TABLE ledger.gaps (
    project_id BIGINT NOT NULL,
    run_id VARCHAR NOT NULL,
    after_stream_id VARCHAR,
    before_stream_id VARCHAR,
    detected_at TIMESTAMPTZ NOT NULL,
    how VARCHAR NOT NULL,
    certain BOOLEAN NOT NULL,
    repaired_from_log BOOLEAN NOT NULL
)
