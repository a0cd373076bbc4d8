-- One row per period in which a person had a task pinned, if `TASKHOUSE_PINNED` is on. PostHog reports only the pins of
-- the key's owner, and does not say when a task was pinned.
-- Key: `project_id`, `task_id`, `viewer`, `pinned_since`.
--
-- project_id: The PostHog project.
-- task_id: The task.
-- title: Its title; NULL if the task itself was never seen.
-- viewer: Who pinned it: `user` and the uuid of the key's owner, or `key` and a fingerprint of the key if its scope
--   does not tell the owner.
-- pinned_since: When it was first seen pinned; it was pinned between the pass before and this one.
-- pinned_until: When a complete pass with a key of the same viewer no longer found it pinned; NULL while it is.
-- last_seen_at: When it was last seen pinned; an old time beside an empty `pinned_until` means that no key of this
--   viewer was used since.
SELECT
    pin.project_id,
    pin.task_id,
    task.title,
    pin.viewer,
    pin.first_seen_at AS pinned_since,
    pin.absent_since AS pinned_until,
    pin.last_seen_at
FROM
    raw.pinned_sightings AS pin
    LEFT JOIN main.tasks AS task USING (project_id, task_id)
