-- Every run of a project: the query `run_events/open` as it read all runs.
SELECT
    version.task_id,
    version.run_id,
    version.status,
    version.environment,
    version.resume_from_run_id,
    version.created_at,
    version.completed_at,
    version.scheduled_at,
    greatest(version.created_at, version.updated_at, version.completed_at, version.changed_here_at) AS changed_at,
    greatest(version.created_at, version.updated_at, version.completed_at) AS server_changed_at,
    stream.position AS stream_position,
    stream.checksum AS stream_checksum,
    stream.leg AS stream_leg,
    stream.state AS stream_state,
    stream.updated_at AS stream_read_at,
    stream.state_since AS stream_since,
    log.position AS log_position,
    log.state AS log_state,
    log.updated_at AS log_read_at,
    log.state_since AS log_since,
    sighting.last_seen_at AS task_seen_at
FROM
    newest('raw.run_versions', run_id) AS version
    LEFT JOIN ledger.cursors AS stream
        ON stream.project_id = version.project_id
        AND stream.resource = 'run_stream'
        AND stream.key = version.run_id
    LEFT JOIN ledger.cursors AS log
        ON log.project_id = version.project_id
        AND log.resource = 'run_log'
        AND log.key = version.run_id
    LEFT JOIN raw.task_sightings AS sighting
        ON sighting.project_id = version.project_id
        AND sighting.task_id = version.task_id
        AND sighting.absent_since IS NULL
WHERE
    version.project_id = $project_id
ORDER BY
    version.created_at DESC,
    version.run_id
