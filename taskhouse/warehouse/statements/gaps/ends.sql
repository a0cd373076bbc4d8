-- Runs that are over, and whose stream was followed and not read to its end before it was gone. The server keeps it half
-- an hour. Nothing is missing where the last event is the run's last state. A run that was reopened has a stream of its
-- own, so what tells of an end counts from the run's last end on: by the server's clock give or take some seconds, by ours
-- a minute. What the log has says nothing of events that only a stream carries. A stream that was refused until it was gone has a gap of its
-- own, and so has a trim that the server announced and after which nothing came.
INSERT INTO found BY NAME
WITH ending AS (
    SELECT
        last.project_id,
        last.run_id,
        bool_or(
            resume.ending = 'stream_end'
            OR (resume.ending = 'bare_end' AND resume.source = 'django')
            OR (
                resume.ending IN ('bare_end', 'terminal_without_stream')
                AND resume.ended_at - last.received_at < INTERVAL 30 MINUTE
            )
        ) AS is_whole
    FROM
        last
        INNER JOIN over USING (project_id, run_id)
        INNER JOIN ledger.resumes AS resume USING (project_id, run_id)
    WHERE
        resume.ending <> 'trimmed'
        AND resume.ended_at >= last.received_at
        AND coalesce(resume.heard_at + INTERVAL 2 SECOND, resume.ended_at + INTERVAL 1 MINUTE) >= over.over_at
    GROUP BY
        last.project_id,
        last.run_id
),

-- of these the time of every end is known by the server's clock, so that a cursor decides nothing
told AS (
    SELECT DISTINCT
        project_id,
        run_id
    FROM
        ledger.resumes
        SEMI JOIN judged USING (project_id, run_id)
    WHERE
        ending IS NOT NULL
        AND heard_at IS NOT NULL
)

SELECT
    last.project_id,
    last.run_id,
    last.stream_id AS after_stream_id,
    'the stream was gone before its end was read: what followed is not known' AS how,
    FALSE AS certain,
    FALSE AS repaired_from_log
FROM
    last
    INNER JOIN over USING (project_id, run_id)
    ANTI JOIN ledger.cursors AS lost
        ON last.project_id = lost.project_id
        AND lost.resource = 'run_stream_lost'
        AND last.run_id = lost.key
    ANTI JOIN trims
        ON last.project_id = trims.project_id
        AND last.run_id = trims.run_id
        AND trims.first_id IS NULL
    LEFT JOIN ending USING (project_id, run_id)
    LEFT JOIN ledger.cursors AS stream
        ON last.project_id = stream.project_id
        AND stream.resource = 'run_stream'
        AND last.run_id = stream.key
    LEFT JOIN states
        ON last.project_id = states.project_id
        AND last.run_id = states.run_id
        AND last.id = states.id
    LEFT JOIN told
        ON last.project_id = told.project_id
        AND last.run_id = told.run_id
WHERE
    NOT coalesce(ending.is_whole, stream.state = 'stream_end' AND stream.updated_at + INTERVAL 1 MINUTE >= over.over_at AND told.run_id IS NULL, FALSE)
    AND (ending.is_whole IS NOT NULL OR CAST($now AS TIMESTAMPTZ) - over.completed_at >= INTERVAL 30 MINUTE)
    AND NOT coalesce(
        states.status IN ('completed', 'failed', 'cancelled')
        AND last.stream_ms + 5000 >= epoch_ms(over.over_at),
        FALSE
    )
