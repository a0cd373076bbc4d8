-- The first lasting change to ready of each repository in the last year: not ready for whole weeks, then ready for
-- whole weeks. As many weeks count before as after; days without information between the two count on neither side.
CREATE OR REPLACE TEMP TABLE outcome_changes AS
WITH change AS (
    SELECT
        project_id,
        repository,
        first_day AS day,
        last_day,
        kind,
        segment = lag(segment) OVER repository AS is_comparable,
        lag(kind) OVER repository AS kind_before,
        lag(first_day) OVER repository AS first_before,
        lag(last_day) OVER repository AS last_before
    FROM
        outcome_stretches
    WINDOW
        repository AS (PARTITION BY project_id, repository ORDER BY number)
),

lasting AS (
    SELECT
        *,
        least($weeks::INTEGER, (last_before - first_before + 1) // 7, (last_day - day + 1) // 7) AS weeks
    FROM
        change
    WHERE
        kind = 'ready'
        AND day > $until::DATE - 365
        AND kind_before = 'not_ready'
        AND is_comparable
        AND ($pattern IS NULL OR repository GLOB $pattern)
        AND ($names IS NULL OR repository IN (SELECT unnest($names::VARCHAR[])))
)

SELECT
    project_id,
    repository,
    weeks,
    last_before - CAST(7 * weeks - 1 AS INTEGER) AS before_since,
    last_before AS before_until,
    day AS after_since,
    day + CAST(7 * weeks - 1 AS INTEGER) AS after_until
FROM
    lasting
WHERE
    weeks >= 1
QUALIFY
    row_number() OVER (PARTITION BY project_id, repository ORDER BY day) = 1
