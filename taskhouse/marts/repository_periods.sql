-- One row per unbroken period in which a repository was named by the project's tasks. A repository that is renamed has
-- no more periods under its old name.
-- Key: `project_id`, `repository`, `first_seen_at`.
--
-- project_id: The PostHog project.
-- repository: `organization/repository`, in lower case.
-- first_seen_at: When the period began.
-- last_seen_at: When it was last named in it.
-- absent_since: When a complete pass no longer saw it; NULL while it is there.
-- first_day: The first day of the period, in the time zone of `day_zone()`.
-- gone_day: The day on which it was gone, so the first day that does not count; NULL while it is there.
SELECT
    project_id,
    repository,
    first_seen_at,
    last_seen_at,
    absent_since,
    main.day_of(first_seen_at) AS first_day,
    main.day_of(absent_since) AS gone_day
FROM
    raw.repository_sightings
