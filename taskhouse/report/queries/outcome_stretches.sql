-- Unbroken stretches in which a repository was ready, or was not, over one window: by the days with information, which
-- end where the repository was gone, or where the server put it into another class (both begin a segment).
CREATE OR REPLACE TEMP TABLE outcome_stretches AS
WITH stood AS (
    SELECT
        project_id,
        repository,
        segment,
        CASE
            WHEN overall = 'ready' THEN 'ready'
            WHEN overall IN ('partial', 'detected', 'needs_setup') THEN 'not_ready'
            ELSE 'unknown'
        END AS kind,
        min(day) AS first_day,
        max(day) AS last_day
    FROM
        report_readiness
    WHERE
        day <= $until
        AND window_days = $window
        AND overall IS NOT NULL
        AND ($projects IS NULL OR project_id IN (SELECT unnest($projects::BIGINT[])))
    GROUP BY
        project_id,
        repository,
        segment,
        overall,
        state_since
),

numbered AS (
    SELECT
        *,
        count(*) FILTER (WHERE begins) OVER (PARTITION BY project_id, repository ORDER BY first_day ASC) AS number
    FROM (
        SELECT
            *,
            (kind, segment) IS DISTINCT FROM lag((kind, segment)) OVER (
                PARTITION BY project_id, repository ORDER BY first_day ASC
            ) AS begins
        FROM
            stood
    )
)

SELECT
    project_id,
    repository,
    number,
    kind,
    segment,
    min(first_day) AS first_day,
    max(last_day) AS last_day
FROM
    numbered
GROUP BY
    project_id,
    repository,
    number,
    kind,
    segment
