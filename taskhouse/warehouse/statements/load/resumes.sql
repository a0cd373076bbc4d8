-- How connections began and streams ended, once each. Older segments say how many events a connection brought.
INSERT INTO ledger.resumes BY NAME
SELECT
    staged.project_id,
    staged.run_id,
    staged.source,
    json_extract_string(staged.facts, '$.after') AS after_stream_id,
    json_extract_string(staged.facts, '$.first') AS first_stream_id,
    TRY_CAST(json_extract_string(staged.facts, '$.events') AS BIGINT) AS events,
    TRY_CAST(json_extract_string(staged.facts, '$.connected_at') AS TIMESTAMPTZ) AS connected_at,
    TRY_CAST(json_extract_string(staged.facts, '$.heard_at') AS TIMESTAMPTZ) AS heard_at,
    TRY_CAST(json_extract_string(staged.facts, '$.joined') AS BOOLEAN) AS is_joined,
    json_extract_string(staged.facts, '$.ending') AS ending,
    staged.received_at AS ended_at,
    staged.segment
FROM
    staged
WHERE
    staged.line_kind = 'resume'
