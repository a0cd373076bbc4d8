UPDATE ledger.quarantine
SET
    kind = CASE
        WHEN resource = 'spool' THEN 'damaged'
        WHEN reason LIKE '%not UTF-8%' THEN 'not_utf8'
        WHEN reason LIKE 'the event is not JSON%' THEN 'not_json'
        WHEN reason LIKE 'an event of % bytes is more than%' THEN 'too_large'
        WHEN reason LIKE 'this % cannot be loaded: %' THEN 'not_loadable'
        WHEN reason = 'the log contains another text at this position' THEN 'replaced'
        WHEN reason = 'the log ends before this position' THEN 'beyond_end'
        WHEN reason LIKE 'the position of this entry in the run%' THEN 'unplaced'
        WHEN reason LIKE 'an answer about something other than %' THEN 'wrong_subject'
        WHEN reason LIKE 'it could not be processed: %' THEN 'unexpected'
        WHEN resource NOT IN ('run_events', 'run_log') THEN 'unreadable'
    END
