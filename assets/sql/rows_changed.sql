-- Rows that a pass brought of things that were known before, and that say something else than the row before them.
WITH touched AS (
    SELECT DISTINCT
        {thing}
    FROM
        raw.{table}
    WHERE
        project_id = $project_id
        AND pass_id = $pass_id
),

version AS (
    SELECT
        pass_id,
        ({compares}) IS DISTINCT FROM lag(({compares})) OVER previous AS other,
        lag(pass_id) OVER previous IS NOT NULL AS known
    FROM
        raw.{table}
        SEMI JOIN touched USING ({thing})
    WHERE
        project_id = $project_id
    WINDOW
        previous AS (PARTITION BY {thing} ORDER BY {begins})
)

SELECT
    count(*) FILTER (known AND other) AS changed
FROM
    version
WHERE
    pass_id = $pass_id
