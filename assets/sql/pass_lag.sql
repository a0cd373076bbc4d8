-- How long ago a resource of a project had been proved complete when a pass over it began, and how old the oldest page
-- was that the pass itself rests on when it ended.
SELECT
    epoch(this.started_at - max(before.finished_at)) AS lag_s,
    epoch(this.finished_at - this.proven_at) AS proven_age_s
FROM
    ledger.passes AS this
    LEFT JOIN ledger.passes AS before
        ON before.project_id = this.project_id
        AND before.resource = this.resource
        AND before.verdict = 'complete'
        AND before.started_at < this.started_at
WHERE
    this.pass_id = $pass_id
GROUP BY
    this.started_at,
    this.finished_at,
    this.proven_at
