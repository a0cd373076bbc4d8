-- The states of the judged runs that came over their streams.
CREATE OR REPLACE TEMP TABLE states AS
SELECT
    event.project_id,
    event.run_id,
    event.stream_ms * CAST(18446744073709551616 AS UHUGEINT) + event.stream_seq AS id,
    any_value(json_extract_string(main.event_document(event.payload), '$.status')) AS status
FROM
    raw.run_events AS event
    SEMI JOIN judged USING (project_id, run_id)
WHERE
    event.kind = 'task_run_state'
    AND event.stream_ms >= CAST($since_ms AS UBIGINT)
    AND event.stream_seq IS NOT NULL
GROUP BY
    event.project_id,
    event.run_id,
    id
