-- One row per record that could not be read as its contract says; nothing is thrown away.
CREATE TABLE ledger.quarantine (
    resource VARCHAR NOT NULL,
    project_id BIGINT,
    record_key VARCHAR,
    reason VARCHAR NOT NULL,
    pointer VARCHAR,
    payload VARCHAR USING COMPRESSION zstd,
    first_seen_at TIMESTAMPTZ NOT NULL,
    -- when it was settled, and how: replayed into its table, or superseded by a later record of the same key
    replayed_at TIMESTAMPTZ,
    outcome VARCHAR,
    brought_by VARCHAR NOT NULL
)
