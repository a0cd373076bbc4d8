INSERT INTO raw.run_log_entries BY NAME
SELECT
    typed.* EXCLUDE (source, stream_id, stream_ms, stream_seq, line),
    typed.source AS pass_id
FROM
    typed
    ANTI JOIN judged
        ON typed.line = judged.line
