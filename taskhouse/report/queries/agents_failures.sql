-- Failed attempts of each period by their fingerprint, with the newest as an example; see the view `failures`.
SELECT
    number,
    fingerprint,
    count(*) AS failures,
    round(sum(duration_s) / 3600, 6) AS hours,
    count(DISTINCT (project_id, repository)) AS repositories,
    arg_max(
        {
            'project_id': project_id,
            'task_id': task_id,
            'run_id': run_id,
            'repository': repository,
            'ended_at': ended_at
        },
        (ended_at, run_id)
    ) AS example
FROM
    agents_ended
WHERE
    status = 'failed'
GROUP BY
    number,
    fingerprint
ORDER BY
    number,
    hours DESC NULLS LAST,
    failures DESC,
    fingerprint
