-- What the server refused for as long as it may have had it. What a stream lost stays lost, whatever comes later; a log
-- that is read after all is read from its beginning.
INSERT INTO found BY NAME
SELECT
    lost.project_id,
    lost.key AS run_id,
    CASE WHEN lost.resource = 'run_stream_lost' THEN lost.position END AS after_stream_id,
    CAST(NULL AS VARCHAR) AS before_stream_id,
    string_agg(
        CASE lost.resource WHEN 'run_stream_lost' THEN 'the stream' ELSE 'the log' END
        || CASE lost.state WHEN 'refused' THEN ' was refused (403)' ELSE ' was not found (404)' END
        || ' for as long as the server may have had it',
        '; '
        ORDER BY
            lost.resource DESC
    ) AS how,
    FALSE AS certain,
    bool_and(lost.resource = 'run_stream_lost') AND coalesce(any_value(log.state) = 'settled', FALSE)
        AS repaired_from_log
FROM
    ledger.cursors AS lost
    SEMI JOIN judged
        ON lost.project_id = judged.project_id
        AND lost.key = judged.run_id
    LEFT JOIN ledger.cursors AS log
        ON log.project_id = lost.project_id
        AND log.key = lost.key
        AND log.resource = 'run_log'
WHERE
    lost.resource = 'run_stream_lost'
    OR (lost.resource = 'run_log_lost' AND log.state = 'lost')
GROUP BY
    ALL
