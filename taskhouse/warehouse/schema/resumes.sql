-- One row per connection to a run's stream that brought something: what a later judgement of gaps rests on.
CREATE TABLE ledger.resumes (
    project_id BIGINT NOT NULL,
    run_id VARCHAR NOT NULL,
    source VARCHAR NOT NULL,
    after_stream_id VARCHAR,
    first_stream_id VARCHAR,
    events BIGINT NOT NULL,
    ended_at TIMESTAMPTZ NOT NULL,
    segment VARCHAR NOT NULL
)
