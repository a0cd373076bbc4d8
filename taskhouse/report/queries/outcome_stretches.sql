-- Unbroken stretches in which a repository was ready, or was not, over one window: by the days with information, which
-- end where the repository was gone, or where the server put it into another class.
CREATE OR REPLACE TEMP TABLE outcome_stretches AS
WITH present AS (
    SELECT
        project_id,
        repository,
        day,
        segment,
        CASE
            WHEN overall = 'ready' THEN 'ready'
            WHEN overall IN ('partial', 'detected', 'needs_setup') THEN 'not_ready'
            WHEN overall IS NOT NULL THEN 'unknown'
        END AS kind,
        day - CAST(row_number() OVER (PARTITION BY project_id, repository ORDER BY day) AS INTEGER) AS presence
    FROM
        main.readiness_trend
    WHERE
        day <= $until
        AND window_days = $window
        AND ($projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
),

moved AS (
    SELECT
        *,
        (kind, segment, presence) IS DISTINCT FROM lag((kind, segment, presence)) OVER repository AS begins
    FROM
        present
    WHERE
        kind IS NOT NULL
    WINDOW
        repository AS (PARTITION BY project_id, repository ORDER BY day)
),

numbered AS (
    SELECT
        *,
        count(*) FILTER (WHERE begins) OVER (PARTITION BY project_id, repository ORDER BY day) AS number
    FROM
        moved
)

SELECT
    project_id,
    repository,
    number,
    kind,
    segment,
    presence,
    min(day) AS first_day,
    max(day) AS last_day
FROM
    numbered
GROUP BY
    ALL
