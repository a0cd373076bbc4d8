-- The texts of some runs. {schema} is mart for runs that are stored, waiting for the others.
WITH wanted AS (
    SELECT
        unnest($projects) AS project_id,
        unnest($runs) AS run_id
),

message AS (
    SELECT
        message.*
    FROM
        {schema}.messages AS message
        SEMI JOIN wanted
            ON message.project_id = wanted.project_id
            AND message.run_id = wanted.run_id
    WHERE
        {condition}
),

tool_call AS (
    SELECT
        tool_call.*
    FROM
        {schema}.tool_calls AS tool_call
        SEMI JOIN wanted
            ON tool_call.project_id = wanted.project_id
            AND tool_call.run_id = wanted.run_id
    WHERE
        {condition}
)

SELECT
    project_id,
    run_id,
    CASE role WHEN 'user' THEN 'prompt' WHEN 'thought' THEN 'thought' ELSE 'message' END AS kind,
    CAST(number AS VARCHAR) AS place,
    CASE WHEN isfinite(started_at) THEN epoch_ms(started_at) END AS at,
    text
FROM
    message
UNION ALL
SELECT
    project_id,
    run_id,
    'command' AS kind,
    tool_call_id AS place,
    CASE WHEN isfinite(started_at) THEN epoch_ms(started_at) END AS at,
    concat_ws(
        chr(10),
        title,
        array_to_string(list_filter(paths, lambda path: NOT contains(coalesce(title, ''), path)), chr(10))
    ) AS text
FROM
    tool_call
UNION ALL
SELECT
    project_id,
    run_id,
    'error' AS kind,
    tool_call_id AS place,
    CASE WHEN isfinite(coalesce(ended_at, started_at)) THEN epoch_ms(coalesce(ended_at, started_at)) END AS at,
    error_message AS text
FROM
    tool_call
WHERE
    error_message IS NOT NULL
