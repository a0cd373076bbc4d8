-- One row per change of what a task cost, in US dollars. When it was last asked for is in ledger.cursors.
CREATE TABLE raw.task_usage (
    project_id BIGINT NOT NULL,
    task_id VARCHAR NOT NULL,
    valid_from TIMESTAMPTZ NOT NULL,
    observed_in VARCHAR NOT NULL,
    token_cost_usd DOUBLE,
    compute_cost_usd DOUBLE,
    total_cost_usd DOUBLE,
    content_hash VARCHAR NOT NULL,
    payload VARCHAR USING COMPRESSION zstd,
    payload_sha256 VARCHAR,
    pass_id VARCHAR NOT NULL,
    page INTEGER NOT NULL
)
