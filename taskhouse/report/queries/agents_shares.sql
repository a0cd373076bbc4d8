-- Runs and completed runs of each period by one thing at a time: the model with its agent, the repository,
-- and how those ended that did not complete.
SELECT
    ended.number,
    thing.kind,
    thing.name,
    thing.adapter,
    count(*) AS ended,
    count(*) FILTER (WHERE ended.status = 'completed') AS completed
FROM
    agents_ended AS ended,
    unnest(
        [
            {'kind': 'model', 'name': ended.model, 'adapter': ended.runtime_adapter},
            {'kind': 'repository', 'name': ended.repository, 'adapter': NULL},
            {
                'kind': CASE ended.status WHEN 'failed' THEN 'failure' WHEN 'cancelled' THEN 'cancelled' END,
                'name': CASE ended.status WHEN 'failed' THEN ended.fingerprint END,
                'adapter': NULL
            }
        ]
    ) AS each (thing)
WHERE
    thing.kind IS NOT NULL
GROUP BY
    ALL
ORDER BY
    ALL
