-- One row per version of a task, as a key saw it. A volatile field never makes a version.
CREATE TABLE raw.task_versions (
    project_id BIGINT NOT NULL,
    task_id VARCHAR NOT NULL,
    valid_from TIMESTAMPTZ NOT NULL,
    observed_in VARCHAR NOT NULL,
    title VARCHAR,
    repository VARCHAR,
    origin_product VARCHAR,
    internal BOOLEAN,
    archived BOOLEAN,
    created_by VARCHAR,
    created_at TIMESTAMPTZ,
    updated_at TIMESTAMPTZ,
    latest_run_id VARCHAR,
    latest_run_status VARCHAR,
    latest_run_environment VARCHAR,
    content_hash VARCHAR NOT NULL,
    payload VARCHAR USING COMPRESSION zstd,
    payload_sha256 VARCHAR,
    pass_id VARCHAR NOT NULL,
    page INTEGER NOT NULL
)
