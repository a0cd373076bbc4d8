-- Logs that were proved to end sooner than what is held of them, and what arrived before that reading.
CREATE OR REPLACE TEMP TABLE cuts AS
SELECT
    project_id,
    run_id,
    arg_max(TRY_CAST(json_extract_string(facts, '$.position') AS BIGINT), line) AS position,
    arg_max(make_timestamptz(TRY_CAST(json_extract_string(facts, '$.cut_us') AS BIGINT)), line) AS before
FROM
    staged
WHERE
    line_kind = 'mark'
    AND json_extract_string(facts, '$.cut_us') IS NOT NULL
GROUP BY
    project_id,
    run_id
