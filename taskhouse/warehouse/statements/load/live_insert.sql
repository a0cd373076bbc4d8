-- An event is stored once. The same id with another text is a stream that was restarted: the next incarnation.
INSERT INTO raw.run_events BY NAME
WITH once AS (
    SELECT
        *
    FROM
        typed
    QUALIFY
        row_number() OVER (PARTITION BY project_id, run_id, source, stream_id, payload ORDER BY line) = 1
),

fresh AS (
    SELECT
        *
    FROM
        once
        ANTI JOIN known
            ON once.project_id = known.project_id
            AND once.run_id = known.run_id
            AND once.source = known.source
            AND once.stream_id IS NOT DISTINCT FROM known.stream_id
            AND once.payload = known.payload
),

taken AS (
    SELECT
        project_id,
        run_id,
        source,
        stream_id,
        max(incarnation) + 1 AS next
    FROM
        known
    WHERE
        stream_id IS NOT NULL
    GROUP BY ALL
)

SELECT
    fresh.project_id,
    fresh.task_id,
    fresh.run_id,
    CASE
        WHEN fresh.stream_id IS NULL THEN 0
        ELSE coalesce(taken.next, 0)
            + row_number() OVER (
                PARTITION BY fresh.project_id, fresh.run_id, fresh.source, fresh.stream_id ORDER BY fresh.line
            ) - 1
    END AS incarnation,
    fresh.source,
    fresh.stream_id,
    fresh.stream_ms,
    fresh.stream_seq,
    fresh.event_id,
    fresh.kind,
    fresh.method,
    fresh.session_update,
    fresh.tool_call_id,
    fresh.occurred_at,
    fresh.received_at,
    fresh.payload,
    fresh.json_ok,
    fresh.redacted,
    $segment AS segment
FROM
    fresh
    LEFT JOIN taken
        ON fresh.project_id = taken.project_id
        AND fresh.run_id = taken.run_id
        AND fresh.source = taken.source
        AND fresh.stream_id = taken.stream_id
ORDER BY
    fresh.line
