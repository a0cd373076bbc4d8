-- The newest version of every run, with how far its stream and its log have been read. It changed when the server
-- says so, or when a later version was seen here; a first sight is no change. Its task was
-- seen last when a page listed it; never where it is absent.
WITH version AS (
    SELECT
        *,
        count(*) OVER (PARTITION BY run_id) AS versions
    FROM
        raw.run_versions
    WHERE
        project_id = $project_id
    QUALIFY
        row_number() OVER (PARTITION BY run_id ORDER BY valid_from DESC) = 1
)

SELECT
    version.task_id,
    version.run_id,
    version.status,
    version.environment,
    version.resume_from_run_id,
    version.created_at,
    version.completed_at,
    version.scheduled_at,
    greatest(
        version.created_at,
        version.updated_at,
        version.completed_at,
        CASE WHEN version.versions > 1 THEN version.valid_from END
    ) AS changed_at,
    greatest(version.created_at, version.updated_at, version.completed_at) AS moved_at,
    stream.position AS stream_position,
    stream.checksum AS stream_checksum,
    stream.leg AS stream_leg,
    stream.state AS stream_state,
    stream.updated_at AS stream_read_at,
    stream.since AS stream_since,
    log.position AS log_position,
    log.state AS log_state,
    log.updated_at AS log_read_at,
    log.since AS log_since,
    sighting.last_seen_at AS task_seen_at
FROM
    version
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
ORDER BY
    version.created_at DESC,
    version.run_id
