-- Versions before counted a resumed run's ancestors instead of finding them, took a refused ancestor for a lost log, and
-- settled logs that were short. What they read of the last 30 days is still there to be read once more and proved.
UPDATE ledger.cursors
SET
    state = 'unproved'
WHERE
    resource = 'run_log'
    AND updated_at >= now() - INTERVAL 30 DAY
