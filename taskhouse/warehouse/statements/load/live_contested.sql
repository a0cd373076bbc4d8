-- Ids of the batch that need a closer look: they stand in it more than once, or are stored already, or are no ids.
CREATE OR REPLACE TEMP TABLE contested AS
SELECT
    project_id,
    run_id,
    source,
    stream_id
FROM
    typed
GROUP BY
    ALL
HAVING
    count(*) > 1
    OR stream_id IS NULL
UNION
SELECT
    project_id,
    run_id,
    source,
    stream_id
FROM
    known
