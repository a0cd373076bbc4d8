-- Typed columns from the text of each event, without ever failing on one. DuckDB's JSON refuses a lone surrogate,
-- which real agents emit: such a text is read through a copy in which every surrogate escape is U+FFFD.
CREATE OR REPLACE TEMP VIEW typed AS
WITH told AS (
    SELECT
        *,
        fields(payload) AS own,
        own IS NOT NULL AS json_ok,
        coalesce(own, fields(regexp_replace(payload, '\\u[dD][89a-fA-F][0-9a-fA-F]{2}', '\\ufffd', 'g'))) AS field
    FROM
        lines
    WHERE
        line_kind = 'event'
),

times AS (
    SELECT
        *,
        coalesce(
            TRY_CAST(field[2] AS TIMESTAMPTZ),
            TRY_CAST(field[11] AS TIMESTAMPTZ),
            CASE WHEN stream_ms < 10000000000000 THEN make_timestamptz(CAST(stream_ms * 1000 AS BIGINT)) END
        ) AS stated_at
    FROM
        told
)

SELECT
    project_id,
    task_id,
    run_id,
    source,
    stream_id,
    stream_ms,
    stream_seq,
    position,
    field[3] AS event_id,
    field[4] AS first_event_id,
    field[1] AS kind,
    regexp_replace(field[5], '^__posthog/', '_posthog/') AS method,
    coalesce(field[6], field[10]) AS session_update,
    coalesce(field[7], field[8], field[9]) AS tool_call_id,
    CASE WHEN stated_at BETWEEN '2000-01-01 00:00:00+00' AND '2200-01-01 00:00:00+00' THEN stated_at END AS occurred_at,
    received_at,
    payload,
    json_ok,
    redacted,
    line,
    segment
FROM
    times
