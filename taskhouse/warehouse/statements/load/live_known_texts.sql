-- What is stored under the ids that are in doubt, with its texts.
CREATE OR REPLACE TEMP TABLE known AS
SELECT
    stored.project_id,
    stored.run_id,
    stored.source,
    stored.stream_id,
    stored.incarnation,
    stored.payload
FROM
    raw.run_events AS stored
    SEMI JOIN contested AS batch
        ON stored.project_id = batch.project_id
        AND stored.run_id = batch.run_id
        AND stored.source = batch.source
        AND stored.stream_ms = batch.stream_ms
        AND stored.stream_seq = batch.stream_seq
WHERE
    stored.stream_ms BETWEEN (SELECT min(stream_ms) FROM contested) AND (SELECT max(stream_ms) FROM contested)
