-- Runs that may go on, and whose stream was found gone with the event that was read last, before its time, or so long after
-- anybody read it that another one may have come and gone: what was written after that event is not known. Once something
-- follows, the seam between the two is judged instead. After an end that was read nothing is missing; that of a run that is
-- over counts from the run's end on, to the second: a stream that ended with its run is still there. That of a run that may
-- go on counts for as long as a stream lives. Where the log has grown since, no end says that nothing is missing.
INSERT INTO found BY NAME
SELECT DISTINCT
    last.project_id,
    last.run_id,
    last.stream_id AS after_stream_id,
    'the stream was gone while its run went on: what followed is not known' AS how,
    FALSE AS certain,
    FALSE AS repaired_from_log
FROM
    last
    INNER JOIN ledger.resumes AS gone
        ON last.project_id = gone.project_id
        AND last.run_id = gone.run_id
        AND last.stream_id = gone.after_stream_id
    LEFT JOIN over
        ON last.project_id = over.project_id
        AND last.run_id = over.run_id
    LEFT JOIN states
        ON last.project_id = states.project_id
        AND last.run_id = states.run_id
        AND last.id = states.id
    ANTI JOIN found
        ON last.project_id = found.project_id
        AND last.run_id = found.run_id
        AND last.stream_id = found.after_stream_id
WHERE
    gone.ending = 'outgrown'
    OR (
        gone.ending = 'gone'
        AND NOT coalesce(
            states.status IN ('completed', 'failed', 'cancelled')
            AND last.stream_ms + 5000 >= epoch_ms(over.over_at),
            FALSE
        )
        AND NOT EXISTS (
            SELECT 1 FROM ledger.resumes AS ended
            WHERE
                ended.project_id = last.project_id
                AND ended.run_id = last.run_id
                AND ended.ending IN ('stream_end', 'bare_end')
                AND ended.ended_at >= last.received_at
                AND CASE
                    WHEN over.over_at IS NULL THEN ended.ended_at > gone.ended_at - INTERVAL 6 HOUR
                    ELSE coalesce(ended.heard_at, ended.ended_at) >= over.over_at
                END
        )
    )
