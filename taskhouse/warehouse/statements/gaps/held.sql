-- What is held of the streams that a seam may matter to, in the order of their ids, whichever process received it. One
-- connection to a stream of few events crosses no trim, and most runs have no other.
CREATE OR REPLACE TEMP TABLE held AS
WITH event AS (
    SELECT
        *
    FROM
        raw.run_events
        SEMI JOIN judged USING (project_id, run_id)
    WHERE
        stream_ms >= CAST($since_ms AS UBIGINT)
        AND stream_seq IS NOT NULL
),

wanted AS (
    SELECT
        event.project_id,
        event.run_id
    FROM
        event
    GROUP BY
        event.project_id,
        event.run_id
    HAVING
        count(*) >= $fewest
    UNION
    SELECT
        project_id,
        run_id
    FROM
        seams
    GROUP BY
        project_id,
        run_id
    HAVING
        count(*) > 1
    UNION
    SELECT
        trimmed.project_id,
        trimmed.run_id
    FROM
        ledger.resumes AS trimmed
        SEMI JOIN judged USING (project_id, run_id)
    WHERE
        trimmed.ending = 'trimmed'
),

distinct_ids AS (
    SELECT
        event.project_id,
        event.run_id,
        event.stream_ms * CAST(18446744073709551616 AS UHUGEINT) + event.stream_seq AS id,
        any_value(event.stream_id) AS stream_id,
        any_value(event.stream_ms) AS stream_ms,
        max(event.received_at) AS received_at,
        any_value(main.event_boot(CASE WHEN strlen(event.event_id) <= 256 THEN event.event_id END)) AS boot,
        any_value(main.event_number(CASE WHEN strlen(event.event_id) <= 256 THEN event.event_id END)) AS number,
        bool_and(event.kind IS NOT DISTINCT FROM 'task_run_state') AS is_state
    FROM
        event
        SEMI JOIN wanted USING (project_id, run_id)
    GROUP BY
        event.project_id,
        event.run_id,
        id
)

SELECT
    *,
    row_number() OVER (PARTITION BY project_id, run_id ORDER BY id) AS place
FROM
    distinct_ids
