-- Pages that were read before a moment and brought nothing that is held.
DELETE FROM ledger.pages AS page
WHERE
    fetched_at < $before
    AND NOT EXISTS (
        FROM
            (
                SELECT pass_id, page FROM raw.task_versions
                UNION
                SELECT pass_id, page FROM raw.task_sightings
                UNION
                SELECT pass_id, page FROM raw.repository_sightings
                UNION
                SELECT pass_id, page FROM raw.readiness_snapshots
                UNION
                SELECT pass_id, page FROM raw.run_versions
                UNION
                SELECT pass_id, page FROM raw.task_usage
            ) AS named
        WHERE
            named.pass_id = page.pass_id
            AND named.page = page.page
    )
RETURNING
    pass_id
