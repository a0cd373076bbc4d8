-- A log that the server let go before it was read to its end: entries of it were held, or a later run's log showed them.
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
    AND (
        log.state = 'expired'
        OR (
            log.state = 'settled'
            AND log.position = '0'
            AND EXISTS (
                SELECT 1 FROM ledger.cursors AS shown
                WHERE
                    shown.project_id = log.project_id
                    AND shown.resource = 'run_log_shown'
                    AND shown.key = log.key
            )
        )
    )
