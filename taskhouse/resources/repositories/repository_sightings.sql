-- One row per unbroken stretch of time in which a repository was named by the project's tasks: the page that began it,
-- the pass that saw it last, and the pass that proved it absent.
CREATE TABLE raw.repository_sightings (
    project_id BIGINT NOT NULL,
    repository VARCHAR NOT NULL,
    first_seen_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    absent_since TIMESTAMPTZ,
    pass_id VARCHAR NOT NULL,
    page INTEGER NOT NULL,
    last_pass_id VARCHAR NOT NULL,
    absent_pass_id VARCHAR
)
