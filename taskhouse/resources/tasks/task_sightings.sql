-- One row per unbroken stretch of time in which a task was there to be seen: the page that began it, the pass that saw
-- it last, and the pass that proved it absent.
CREATE TABLE raw.task_sightings (
    project_id BIGINT NOT NULL,
    task_id VARCHAR NOT NULL,
    first_seen_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    absent_since TIMESTAMPTZ,
    pass_id VARCHAR NOT NULL,
    page INTEGER NOT NULL,
    last_pass_id VARCHAR NOT NULL,
    absent_pass_id VARCHAR
)
