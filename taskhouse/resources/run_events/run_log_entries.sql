-- One row per entry of a run's own persisted log; payload is the exact slice of the body that brought it.
CREATE TABLE raw.run_log_entries (
    project_id BIGINT NOT NULL,
    task_id VARCHAR NOT NULL,
    run_id VARCHAR NOT NULL,
    position BIGINT NOT NULL,
    event_id VARCHAR,
    first_event_id VARCHAR,
    kind VARCHAR,
    method VARCHAR,
    session_update VARCHAR,
    tool_call_id VARCHAR,
    occurred_at TIMESTAMPTZ,
    received_at TIMESTAMPTZ,
    payload VARCHAR USING COMPRESSION zstd,
    json_ok BOOLEAN NOT NULL,
    redacted BOOLEAN NOT NULL,
    pass_id VARCHAR NOT NULL,
    segment VARCHAR NOT NULL
)
