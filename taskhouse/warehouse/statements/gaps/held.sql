-- What is held of the streams that a seam may matter to, in the order of their ids, whichever process received it. One
-- connection to a stream of few events crosses no trim, and most runs have no other. Where everything that the agent
-- says has a number, the numbers decide; but before a first event that is not the run's first state stood states, too, and
-- maybe another attempt.
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
        LEFT JOIN states
            ON event.project_id = states.project_id
            AND event.run_id = states.run_id
            AND event.stream_ms * CAST(18446744073709551616 AS UHUGEINT) + event.stream_seq = states.id
    GROUP BY
        event.project_id,
        event.run_id
    HAVING
        count(*) >= CASE WHEN count(event.event_id) > 0 THEN $fewest ELSE $fewest_unnumbered END
        AND (
            count(*) FILTER (WHERE event.event_id IS NULL AND event.kind IS DISTINCT FROM 'task_run_state') > 0
            OR arg_min(coalesce(states.status = 'queued', FALSE), (event.stream_ms, event.stream_seq)) = FALSE
            OR main.event_number(
                arg_min(event.event_id, (event.stream_ms, event.stream_seq)) FILTER (WHERE strlen(event.event_id) <= 256)
            ) > 1
        )
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
        any_value(event.event_id) FILTER (WHERE strlen(event.event_id) <= 256) AS event_id,
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
    * EXCLUDE (event_id),
    main.event_boot(event_id) AS boot,
    main.event_number(event_id) AS number,
    row_number() OVER (PARTITION BY project_id, run_id ORDER BY id) AS place
FROM
    distinct_ids
