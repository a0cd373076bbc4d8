-- One row per unbroken stretch of time in which a viewer had a task pinned: the page that began it, the pass that saw
-- it last, and the pass that found it unpinned.
CREATE TABLE raw.pinned_sightings (
    project_id BIGINT NOT NULL,
    viewer VARCHAR NOT NULL,
    task_id VARCHAR NOT NULL,
    first_seen_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    absent_since TIMESTAMPTZ,
    pass_id VARCHAR NOT NULL,
    page INTEGER NOT NULL,
    last_pass_id VARCHAR NOT NULL,
    absent_pass_id VARCHAR
)
