-- A log that the server let go before it was read to its end.
INSERT INTO found BY NAME
SELECT
    log.project_id,
    log.key AS run_id,
    CAST(NULL AS VARCHAR) AS after_stream_id,
    CAST(NULL AS VARCHAR) AS before_stream_id,
    'the log expired before it was read to its end' AS how,
    FALSE AS certain,
    FALSE AS repaired_from_log
FROM
    ledger.cursors AS log
    SEMI JOIN judged
        ON log.project_id = judged.project_id
        AND log.key = judged.run_id
WHERE
    log.resource = 'run_log'
    AND log.state = 'expired'
