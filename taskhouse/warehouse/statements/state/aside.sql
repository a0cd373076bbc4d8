-- Tasks that the server has and that are here in quarantine only.
SELECT DISTINCT
    held.record_key AS task_id
FROM
    ledger.quarantine AS held
    ANTI JOIN (SELECT * FROM raw.task_sightings WHERE absent_since IS NULL) AS present
        ON present.project_id = held.project_id
        AND present.task_id = held.record_key
WHERE
    held.project_id = $project_id
    AND held.resource = 'tasks'
    AND held.record_key IS NOT NULL
    AND held.replayed_at IS NULL
