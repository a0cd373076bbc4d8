-- Runs that are over, whose stream was opened, and of which nothing was ever read before it was gone. That of a run which was
-- over when it was first seen may have been gone for good by then, so there only silence and errors count. A stream that was
-- there at its end and held nothing is whole, and that of a local run may never have held anything (API facts 5.6).
INSERT INTO found BY NAME
WITH over AS (
    SELECT
        version.project_id,
        version.run_id,
        arg_max(version.completed_at, version.valid_from) AS completed_at,
        coalesce(arg_max(version.completed_at, version.valid_from), 'epoch') AS over_at,
        bool_or(version.status NOT IN ('completed', 'failed', 'cancelled')) AS was_live
    FROM
        raw.run_versions AS version
        SEMI JOIN judged USING (project_id, run_id)
    GROUP BY
        version.project_id,
        version.run_id
    HAVING
        arg_max(version.status, version.valid_from) IN ('completed', 'failed', 'cancelled')
        AND arg_max(version.environment, version.valid_from) IS DISTINCT FROM 'local'
)

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
    CASE
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
