-- Runs that go on, and whose stream was found gone with the event that was read last, before its time: what was written
-- after that event is not known. Once something follows, the seam between the two is judged instead, and once the run is over
-- the end of its stream. After an end that was read nothing is missing.
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
    ANTI JOIN ledger.resumes AS ended
        ON last.project_id = ended.project_id
        AND last.run_id = ended.run_id
        AND ended.ending IN ('stream_end', 'bare_end')
        AND ended.ended_at >= last.received_at
    ANTI JOIN found
        ON last.project_id = found.project_id
        AND last.run_id = found.run_id
        AND last.stream_id = found.after_stream_id
WHERE
    gone.ending = 'gone'
