-- One row per repository that was ever named by a task, in its last known state.
-- Key: `project_id`, `repository`.
--
-- project_id: The PostHog project.
-- repository: `organization/repository`, in lower case.
-- first_seen_at: When it was first named.
-- last_seen_at: When it was last named.
-- absent_since: When a complete pass no longer saw it; NULL while it is there.
-- periods: Number of unbroken periods in which it was there.
SELECT
    project_id,
    repository,
    min(first_seen_at) AS first_seen_at,
    max(last_seen_at) AS last_seen_at,
    arg_max_null(absent_since, first_seen_at) AS absent_since,
    count(*) AS periods
FROM
    raw.repository_sightings
GROUP BY
    project_id,
    repository
