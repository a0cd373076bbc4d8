-- Every number that an agent gave to an event of a judged run and that is held, by boot: from the live stream, and
-- from the log, where one entry may stand for a range.
CREATE OR REPLACE TEMP TABLE numbered AS
WITH told AS (
    SELECT
        event.project_id,
        event.run_id,
        event.source,
        event.stream_ms,
        event.stream_seq,
        event.stream_id,
        regexp_extract(event.event_id, '^(.+)-[0-9]+$', 1) AS boot,
        TRY_CAST(regexp_extract(event.event_id, '-([0-9]+)$', 1) AS BIGINT) AS number,
        TRUE AS live
    FROM
        raw.run_events AS event
        SEMI JOIN judged USING (project_id, run_id)
    WHERE
        event.event_id IS NOT NULL
        AND event.stream_ms >= CAST($since_ms AS UBIGINT)
),

logged AS (
    SELECT
        entry.project_id,
        entry.run_id,
        regexp_extract(entry.event_id, '^(.+)-[0-9]+$', 1) AS boot,
        TRY_CAST(regexp_extract(coalesce(entry.first_event_id, entry.event_id), '-([0-9]+)$', 1) AS BIGINT) AS first,
        TRY_CAST(regexp_extract(entry.event_id, '-([0-9]+)$', 1) AS BIGINT) AS last
    FROM
        raw.run_log_entries AS entry
        SEMI JOIN judged USING (project_id, run_id)
    WHERE
        entry.event_id IS NOT NULL
        AND (
            entry.first_event_id IS NULL
            OR regexp_extract(entry.first_event_id, '^(.+)-[0-9]+$', 1)
            = regexp_extract(entry.event_id, '^(.+)-[0-9]+$', 1)
        )
)

SELECT * EXCLUDE (stream_seq) FROM told WHERE number IS NOT NULL
UNION ALL BY NAME
SELECT
    project_id,
    run_id,
    boot,
    unnest(range(first, last + 1)) AS number,
    FALSE AS live
FROM
    logged
WHERE
    last - first BETWEEN 0 AND 1000000
