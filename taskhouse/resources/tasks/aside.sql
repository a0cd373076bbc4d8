-- Tasks that the server has and that are here in quarantine only. A key that is no UUID names no task: to ask for one
-- would fail every other id in the same request.
SELECT DISTINCT
    CAST(TRY_CAST(held.record_key AS UUID) AS VARCHAR) AS task_id
FROM
    ledger.quarantine AS held
    ANTI JOIN (SELECT * FROM raw.task_sightings WHERE absent_since IS NULL) AS present
        ON present.project_id = held.project_id
        AND present.task_id = CAST(TRY_CAST(held.record_key AS UUID) AS VARCHAR)
WHERE
    held.project_id = $project_id
    AND held.resource = 'tasks'
    AND TRY_CAST(held.record_key AS UUID) IS NOT NULL
    AND held.replayed_at IS NULL
