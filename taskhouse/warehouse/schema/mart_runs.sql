-- One row per run: whether what is computed from its events is stored in the tables of mart, and up to where.
CREATE TABLE mart.runs (
    project_id BIGINT NOT NULL,
    task_id VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,
    lines BIGINT NOT NULL,
    first_received_at TIMESTAMPTZ,
    last_received_at TIMESTAMPTZ,
    changed_at TIMESTAMPTZ NOT NULL,
    is_due BOOLEAN NOT NULL,
    is_stored BOOLEAN NOT NULL,
    derivation BIGINT,
    derived_lines BIGINT,
    derived_version TIMESTAMPTZ,
    derived_at TIMESTAMPTZ
)
