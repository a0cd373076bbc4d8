-- Where the next read of a thing goes on. Moves only in the transaction that keeps what was read.
CREATE TABLE ledger.cursors (
    project_id BIGINT NOT NULL,
    resource VARCHAR NOT NULL,
    key VARCHAR NOT NULL,
    position VARCHAR,
    leg VARCHAR,
    state VARCHAR,
    updated_at TIMESTAMPTZ NOT NULL,
    moved_by VARCHAR NOT NULL
)
