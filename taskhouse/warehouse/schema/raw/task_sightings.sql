-- One row per unbroken stretch of time in which a task was there to be seen.
CREATE TABLE raw.task_sightings (
    project_id BIGINT NOT NULL,
    task_id VARCHAR NOT NULL,
    first_seen_at TIMESTAMPTZ NOT NULL,
    last_seen_at TIMESTAMPTZ NOT NULL,
    absent_since TIMESTAMPTZ,
    pass_id VARCHAR NOT NULL
)
