"""Every task that the key may see, with a version for each real change, and when each was present or absent.

A pass is complete if as many tasks are present here as the server counts, and every requested id came back or is
recorded as absent.
"""

from taskhouse.resources.spec import Resource, sightings, versions

VERSIONS = versions(
    "task_versions",
    "task_id",
    versioned=("content_hash", "latest_run_id", "latest_run_status", "latest_run_environment"),
    refers=("task_id", "task_sightings"),
    shown_by=("task_history", "tasks"),
)
SIGHTINGS = sightings("task_sightings", "task_id", closes=("summaries",), shown_by=("task_history", "tasks"))
TASKS = Resource(
    name="tasks",
    about=__doc__,
    cron="*/5 * * * *",
    tables=(VERSIONS, SIGHTINGS),
    quarantines=("summaries",),
    listed=True,
    preview=("task_id", "title", "repository", "latest_run_status", "updated_at"),
    newest="updated_at",
    sees_runs=True,
)
