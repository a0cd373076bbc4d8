-- Stored events without a numeric id, of the runs in the batch: a frame with no id is known by its content.
INSERT INTO known BY NAME
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
        AND stored.stream_id IS NOT DISTINCT FROM batch.stream_id
        AND stored.payload = batch.payload
WHERE
    stored.stream_ms IS NULL
