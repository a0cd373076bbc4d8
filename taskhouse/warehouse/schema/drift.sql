-- One row per field or value that the server sends and taskhouse did not know.
CREATE TABLE ledger.drift (
    project_id BIGINT NOT NULL,
    resource VARCHAR NOT NULL,
    path VARCHAR NOT NULL,
    example_type VARCHAR NOT NULL,
    -- the value itself where the field is known and its value is not
    example VARCHAR,
    first_seen_at TIMESTAMPTZ NOT NULL,
    pass_id VARCHAR NOT NULL
)
