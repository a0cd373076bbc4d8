-- Whether a task is in PostHog's default list: `listed`; or `absent` (deleted, or hidden from the owner of the key),
-- `internal` or `archived`. NULL if the task was never seen.
CREATE MACRO main.task_visibility(absent, internal, archived, task_id) AS
    CASE
        WHEN absent THEN 'absent'
        WHEN internal THEN 'internal'
        WHEN archived THEN 'archived'
        WHEN task_id IS NOT NULL THEN 'listed'
    END
