-- One row per event of a run's live stream, with the exact text that arrived.
CREATE TABLE raw.run_events (
    project_id BIGINT NOT NULL,
    task_id VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,
    incarnation INTEGER NOT NULL,
    source VARCHAR NOT NULL,
    stream_id VARCHAR,
    stream_ms UBIGINT,
    stream_seq UBIGINT,
    event_id VARCHAR,
    kind VARCHAR,
    method VARCHAR,
    session_update VARCHAR,
    tool_call_id VARCHAR,
    occurred_at TIMESTAMPTZ,
    received_at TIMESTAMPTZ,
    payload VARCHAR USING COMPRESSION zstd,
    json_ok BOOLEAN NOT NULL,
    redacted BOOLEAN NOT NULL,
    segment VARCHAR NOT NULL
)
