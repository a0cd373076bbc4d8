-- A version for every real change of a run, never two at one moment.
INSERT INTO raw.run_versions BY NAME
WITH current AS (
    SELECT
        stored.*
    FROM
        raw.run_versions AS stored
        SEMI JOIN incoming USING (project_id, run_id)
    QUALIFY
        row_number() OVER (PARTITION BY stored.project_id, stored.run_id ORDER BY stored.valid_from DESC) = 1
),

once AS (
    SELECT
        *
    FROM
        incoming
    QUALIFY
        row_number() OVER (PARTITION BY project_id, run_id ORDER BY page DESC) = 1
)

SELECT
    once.* REPLACE (
        greatest(once.valid_from, current.valid_from + INTERVAL 1 MICROSECOND) AS valid_from
    )
FROM
    once
    LEFT JOIN current USING (project_id, run_id)
WHERE
    current.run_id IS NULL
    OR current.content_hash <> once.content_hash
