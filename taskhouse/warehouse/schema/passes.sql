-- One row per attempt to read one resource of one project, with what it cost, what it brought and what it proved.
-- The figures are brought up to date by every commit of the pass, so that those of a killed one are true as well.
CREATE TABLE ledger.passes (
    pass_id VARCHAR NOT NULL,
    project_id BIGINT NOT NULL,
    resource VARCHAR NOT NULL,
    -- how it went about it: a tick, a sweep of the list, a sweep of the summaries; NULL where there is one way only
    kind VARCHAR,
    viewer VARCHAR,
    started_at TIMESTAMPTZ NOT NULL,
    finished_at TIMESTAMPTZ,
    -- ended by an error or a dead process, and not by its own judgement
    interrupted BOOLEAN NOT NULL,
    -- how often a later process went on with it
    resumes INTEGER NOT NULL,
    requests BIGINT NOT NULL,
    retries BIGINT NOT NULL,
    bytes BIGINT NOT NULL,
    throttled_s DOUBLE NOT NULL,
    pages BIGINT NOT NULL,
    rows_seen BIGINT NOT NULL,
    rows_distinct BIGINT NOT NULL,
    -- rows that came again though nothing asked for them twice
    duplicates BIGINT NOT NULL,
    rows_added BIGINT NOT NULL,
    rows_absent BIGINT NOT NULL,
    -- ids asked for by name, and how many of them came back or did not
    ids_requested BIGINT NOT NULL,
    ids_returned BIGINT NOT NULL,
    ids_absent BIGINT NOT NULL,
    first_key VARCHAR,
    last_key VARCHAR,
    quarantined BIGINT NOT NULL,
    server_count BIGINT,
    server_count_end BIGINT,
    verdict VARCHAR NOT NULL,
    reason VARCHAR
)
