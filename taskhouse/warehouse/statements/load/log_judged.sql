-- An entry of a run's own log is known by its position, and held once. A line without an incarnation is not inserted.
CREATE OR REPLACE TEMP TABLE judged AS
SELECT
    line,
    CAST(NULL AS BIGINT) AS incarnation
FROM
    contested
WHERE
    held
    OR NOT counts
