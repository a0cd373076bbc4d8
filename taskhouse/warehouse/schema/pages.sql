-- One row per page of a pass; a row in raw names the page that brought it.
CREATE TABLE ledger.pages (
    pass_id VARCHAR NOT NULL,
    project_id BIGINT NOT NULL,
    page INTEGER NOT NULL,
    request VARCHAR NOT NULL,
    row_offset BIGINT,
    row_count BIGINT NOT NULL,
    first_key VARCHAR,
    last_key VARCHAR,
    server_count BIGINT,
    sha256 VARCHAR NOT NULL,
    fetched_at TIMESTAMPTZ NOT NULL
)
