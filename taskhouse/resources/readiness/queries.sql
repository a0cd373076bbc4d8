-- Which answers are held, and which of those that came are new.

-- name: answered
-- When each repository and window was last looked at, as far back as $since.
SELECT
    repository,
    window_days,
    max(observed_at) AS observed_at
FROM
    raw.readiness_snapshots
WHERE
    project_id = $project_id
    AND observed_at >= $since
GROUP BY
    repository,
    window_days

-- name: keep
-- A cached answer (same generated_at) is not a second snapshot.
INSERT INTO raw.readiness_snapshots BY NAME
SELECT
    *
FROM
    incoming
    ANTI JOIN (
        SELECT
            *
        FROM
            raw.readiness_snapshots
        WHERE
            generated_at >= (SELECT min(generated_at) FROM incoming)
    ) AS stored
        ON incoming.project_id = stored.project_id
        AND incoming.repository = stored.repository
        AND incoming.window_days = stored.window_days
        AND incoming.generated_at = stored.generated_at
QUALIFY
    row_number() OVER (
        PARTITION BY incoming.project_id, incoming.repository, incoming.window_days, incoming.generated_at
        ORDER BY incoming.page
    ) = 1
