-- Stretches of presence: each in order, none over the next one, and only the last one open.
WITH stretch AS (
    {stretches}
),

placed AS (
    SELECT
        *,
        lead(first_seen_at) OVER (PARTITION BY project_id, thing ORDER BY first_seen_at) AS next_seen_at
    FROM
        stretch
)

SELECT
    thing || ' from ' || first_seen_at AS what,
    first_seen_at <= last_seen_at
    AND coalesce(absent_since >= last_seen_at, TRUE)
    AND (absent_since IS NULL) = (absent_pass_id IS NULL)
    AND (next_seen_at IS NULL OR coalesce(absent_since <= next_seen_at, FALSE)) AS fine
FROM
    placed
