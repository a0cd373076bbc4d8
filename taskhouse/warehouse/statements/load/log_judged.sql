-- An entry of a run's own log is known by its position, and stored once. A line without an incarnation is a duplicate.
CREATE OR REPLACE TEMP TABLE judged AS
SELECT
    staged.line,
    CASE
        WHEN known.position IS NULL
            AND row_number() OVER (
                PARTITION BY staged.project_id, staged.run_id, staged.position ORDER BY staged.line
            ) = 1
        THEN 0
    END AS incarnation
FROM
    staged
    LEFT JOIN known
        ON staged.project_id = known.project_id
        AND staged.run_id = known.run_id
        AND staged.position = known.position
WHERE
    staged.line_kind = 'event'
QUALIFY
    incarnation IS NULL
