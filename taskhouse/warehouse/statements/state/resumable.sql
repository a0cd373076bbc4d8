-- The newest pass of a resource, if it was interrupted on a walk that can go on.
WITH newest AS (
    SELECT
        *
    FROM
        ledger.passes
    WHERE
        project_id = $project_id
        AND resource = $resource
    ORDER BY
        started_at DESC
    LIMIT 1
)

SELECT
    newest.*,
    walk.position AS bookmark,
    walk.updated_at AS walked_at
FROM
    newest
    INNER JOIN ledger.cursors AS walk
        ON walk.project_id = newest.project_id
        AND walk.resource = newest.resource
        AND walk.key = 'walk'
        AND walk.moved_by = newest.pass_id
WHERE
    (newest.verdict = 'running' OR newest.interrupted)
    AND walk.updated_at >= $since
