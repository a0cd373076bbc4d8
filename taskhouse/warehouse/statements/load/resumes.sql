-- How connections began, once each.
INSERT INTO ledger.resumes BY NAME
SELECT
    staged.project_id,
    staged.run_id,
    staged.source,
    json_extract_string(staged.facts, '$.after') AS after_stream_id,
    json_extract_string(staged.facts, '$.first') AS first_stream_id,
    CAST(json_extract_string(staged.facts, '$.events') AS BIGINT) AS events,
    staged.received_at AS ended_at,
    staged.segment
FROM
    staged
WHERE
    staged.line_kind = 'resume'
