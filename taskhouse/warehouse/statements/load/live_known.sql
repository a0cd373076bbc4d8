-- Ids of the batch that are stored already. The bounds on stream_ms keep the cost flat as the table grows, and no stored
-- text is read for it.
CREATE OR REPLACE TEMP TABLE known_ids AS
SELECT
    stored.project_id,
    stored.run_id,
    stored.source,
    stored.stream_id
FROM
    raw.run_events AS stored
    SEMI JOIN staged AS batch
        ON stored.project_id = batch.project_id
        AND stored.run_id = batch.run_id
        AND stored.source = batch.source
        AND stored.stream_ms = batch.stream_ms
        AND stored.stream_seq = batch.stream_seq
WHERE
    stored.stream_ms BETWEEN CAST($first_ms AS UBIGINT) AND CAST($last_ms AS UBIGINT)
