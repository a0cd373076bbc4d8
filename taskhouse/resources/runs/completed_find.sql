-- Newest versions that a task told without the run's pull request, which the run's own row brings now: all else is equal.
CREATE OR REPLACE TEMP TABLE completed AS
SELECT
    incoming.* REPLACE (stored.valid_from AS valid_from)
FROM
    incoming
    INNER JOIN raw.run_versions AS stored
        ON stored.project_id = incoming.project_id
        AND stored.run_id = incoming.run_id
        AND stored.observed_in = 'task'
        AND stored.content_hash = incoming.bare_hash
    ANTI JOIN raw.run_versions AS later
        ON later.project_id = stored.project_id
        AND later.run_id = stored.run_id
        AND later.valid_from > stored.valid_from
WHERE
    incoming.observed_in <> 'task'
QUALIFY
    row_number() OVER (PARTITION BY incoming.project_id, incoming.run_id ORDER BY incoming.page DESC) = 1
