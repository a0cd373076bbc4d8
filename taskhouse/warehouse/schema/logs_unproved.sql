-- Versions before counted a resumed run's ancestors instead of finding them, took a refused ancestor for a lost log, and
-- settled logs that were short. What they read within 30 days may still be there, and is read from its beginning once
-- more. Only an empty log of a run that resumed no other was proved by its count.
UPDATE ledger.cursors
SET
    state = CASE position WHEN '0' THEN 'drained' ELSE 'unproved' END
WHERE
    resource = 'run_log'
    AND updated_at >= now() - INTERVAL 30 DAY
    AND (
        state <> 'settled'
        OR position <> '0'
        OR key IN (SELECT run_id FROM raw.run_versions WHERE resume_from_run_id IS NOT NULL)
    )
