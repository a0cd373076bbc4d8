-- The numbers that agents gave to what is held of the judged runs, by boot. A live event has one number; an entry of the
-- log may stand for a range, if it is believed: one of more than a million events counts for its last number alone. The
-- macros bound the numbers, and an id that is longer than any real one has none.
CREATE OR REPLACE TEMP TABLE numbered AS
WITH live AS (
    SELECT
        event.project_id,
        event.run_id,
        main.event_boot(event.event_id) AS boot,
        main.event_number(event.event_id) AS first,
        event.stream_id,
        event.stream_ms,
        event.stream_seq
    FROM
        raw.run_events AS event
        SEMI JOIN judged USING (project_id, run_id)
    WHERE
        strlen(event.event_id) <= 256
        AND event.stream_ms >= CAST($since_ms AS UBIGINT)
),

log AS (
    SELECT
        entry.project_id,
        entry.run_id,
        main.event_boot(entry.event_id) AS boot,
        main.event_boot(entry.first_event_id) AS first_boot,
        main.event_number(entry.first_event_id) AS first,
        main.event_number(entry.event_id) AS last,
        epoch_ms(entry.occurred_at) AS logged_ms
    FROM
        raw.run_log_entries AS entry
        SEMI JOIN judged USING (project_id, run_id)
    WHERE
        strlen(entry.event_id) <= 256
)

SELECT
    *,
    first AS last,
    TRUE AS live
FROM
    live
WHERE
    first IS NOT NULL
UNION ALL BY NAME
SELECT
    project_id,
    run_id,
    boot,
    CASE WHEN first_boot = boot AND last - first BETWEEN 0 AND 1000000 THEN first ELSE last END AS first,
    last,
    logged_ms,
    FALSE AS live
FROM
    log
WHERE
    last IS NOT NULL
