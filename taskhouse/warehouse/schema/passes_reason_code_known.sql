UPDATE ledger.passes
SET
    reason_code = CASE
        WHEN reason LIKE 'an unexpected error (%' THEN 'failed'
        WHEN reason LIKE 'the process ended before the pass did%' OR reason LIKE 'it was interrupted;%' THEN 'interrupted'
        WHEN reason LIKE '%set TASKHOUSE_ACCEPT=viewer for one sync%' THEN 'viewer_changed'
        WHEN reason LIKE '%more than expected at once; if they were really removed%' THEN 'too_many_absent'
        WHEN reason LIKE '%a spool file was damaged%' THEN 'damaged'
        WHEN reason LIKE '%(403) less than a day ago%' THEN 'refused'
        WHEN reason LIKE '%(404) less than a day ago%' THEN 'not_found'
        WHEN reason LIKE '%in quarantine%' THEN 'quarantined'
        WHEN reason LIKE '%present, but the server counts%' THEN 'count_differs'
        WHEN reason LIKE '%failed repeatedly%' THEN 'no_answer'
        WHEN reason LIKE '%the list kept changing meanwhile%' THEN 'moved'
        WHEN reason LIKE '%run it again%' THEN 'unfinished'
    END
WHERE
    verdict = 'incomplete'
