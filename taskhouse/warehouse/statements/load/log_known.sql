-- Positions of the batch that are stored already.
CREATE OR REPLACE TEMP TABLE known AS
SELECT
    stored.project_id,
    stored.run_id,
    stored.position
FROM
    raw.run_log_entries AS stored
    SEMI JOIN doubtful
        ON stored.project_id = doubtful.project_id
        AND stored.run_id = doubtful.run_id
        AND stored.position = doubtful.position
