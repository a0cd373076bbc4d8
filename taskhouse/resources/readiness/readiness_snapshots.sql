-- One row per distinct answer about a repository's readiness over one window.
CREATE TABLE raw.readiness_snapshots (
    project_id BIGINT NOT NULL,
    repository VARCHAR NOT NULL,
    window_days INTEGER NOT NULL,
    generated_at TIMESTAMPTZ NOT NULL,
    observed_at TIMESTAMPTZ NOT NULL,
    overall VARCHAR,
    classification VARCHAR,
    excluded BOOLEAN,
    core_suggestions_state VARCHAR,
    replay_insights_state VARCHAR,
    error_insights_state VARCHAR,
    evidence_task_count BIGINT,
    evidence VARCHAR NOT NULL,
    files_scanned BIGINT,
    detected_files_count BIGINT,
    event_name_count BIGINT,
    payload VARCHAR USING COMPRESSION zstd,
    payload_sha256 VARCHAR,
    pass_id VARCHAR NOT NULL,
    page INTEGER NOT NULL
)
