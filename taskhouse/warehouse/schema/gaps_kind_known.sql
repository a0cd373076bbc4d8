UPDATE ledger.gaps
SET
    kind = CASE
        WHEN how LIKE 'what is missing could not be determined%' THEN 'undetermined'
        WHEN how LIKE 'the agent''s events %' THEN 'numbers_missing'
        WHEN how LIKE 'the server announced a trim%' THEN 'trim_announced'
        WHEN how LIKE '% came late, as many as a stream keeps%' THEN 'overrun'
        WHEN how LIKE '% earlier events may have been trimmed' THEN 'trim_suspected'
        WHEN how LIKE 'the stream no longer contained the last event%' THEN 'last_event_gone'
        WHEN how LIKE 'another event came with the id of the last one%' THEN 'id_reused'
        WHEN how LIKE 'the stream started over before its end%' THEN 'stream_restarted'
        WHEN how LIKE 'the stream no longer existed while its run continued%' THEN 'stream_expired'
        WHEN how LIKE 'the stream no longer existed before anything%' THEN 'stream_not_read'
        WHEN how LIKE 'the stream no longer existed before its end%' THEN 'end_not_read'
        WHEN how LIKE 'the stream was not read for longer%' THEN 'read_too_late'
        WHEN how LIKE 'the log expired before%' THEN 'log_expired'
        WHEN how LIKE 'the stream was refused (403)%' OR how LIKE 'the log was refused (403)%' THEN 'refused'
        WHEN how LIKE 'the stream was not found (404)%' OR how LIKE 'the log was not found (404)%' THEN 'not_found'
    END
