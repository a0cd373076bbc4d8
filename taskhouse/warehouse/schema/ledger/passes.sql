-- One row per attempt to read one resource of one project, with what it proved.
CREATE TABLE ledger.passes (
    pass_id VARCHAR NOT NULL,
    project_id BIGINT NOT NULL,
    resource VARCHAR NOT NULL,
    viewer VARCHAR,
    started_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    requests BIGINT NOT NULL,
    retries BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    throttled_s DOUBLE NOT NULL,
    pages BIGINT NOT NULL,
    rows_seen BIGINT NOT NULL,
    rows_distinct BIGINT NOT NULL,
    rows_added BIGINT NOT NULL,
    rows_absent BIGINT NOT NULL,
    quarantined BIGINT NOT NULL,
    server_count BIGINT,
    server_count_end BIGINT,
    verdict VARCHAR NOT NULL,
    reason VARCHAR
)
