-- A pass that a dead process left running is not complete.
UPDATE ledger.passes
SET
    verdict = 'incomplete',
    finished_at = $now,
    interrupted = true,
    reason = 'the process ended before the pass did'
WHERE
    verdict = 'running'
    AND project_id = $project_id
    AND resource = $resource
