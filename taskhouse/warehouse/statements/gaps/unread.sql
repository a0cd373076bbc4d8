-- Runs that are over, whose stream was opened, and of which nothing was ever read before it was gone. That of a run which was
-- over when it was first seen may have been gone for good by then, so there only silence and errors count. A stream that was
-- there at its end and held nothing is whole, and that of a local run may never have held anything (API facts 5.6).
INSERT INTO found BY NAME
SELECT
    over.project_id,
    over.run_id,
    'the stream was gone before anything of it was read: what it held is not known' AS how,
    FALSE AS certain,
    FALSE AS repaired_from_log
FROM
    over
    INNER JOIN ledger.cursors AS stream
        ON over.project_id = stream.project_id
        AND stream.resource = 'run_stream'
        AND over.run_id = stream.key
    ANTI JOIN last
        ON over.project_id = last.project_id
        AND over.run_id = last.run_id
    ANTI JOIN ledger.cursors AS lost
        ON over.project_id = lost.project_id
        AND lost.resource = 'run_stream_lost'
        AND over.run_id = lost.key
WHERE
    over.environment IS DISTINCT FROM 'local'
    AND CASE
        WHEN stream.state IN ('live', 'error_budget') THEN CAST($now AS TIMESTAMPTZ) - over.completed_at >= INTERVAL 30 MINUTE
        WHEN stream.state IN ('stream_end', 'terminal_without_stream') THEN over.was_live
        ELSE FALSE
    END
    AND NOT EXISTS (
        SELECT 1 FROM ledger.resumes AS ended
        WHERE
            ended.project_id = over.project_id
            AND ended.run_id = over.run_id
            AND ended.ending IN ('stream_end', 'bare_end')
            AND coalesce(ended.heard_at + INTERVAL 2 SECOND, ended.ended_at + INTERVAL 1 MINUTE) >= over.over_at
    )
