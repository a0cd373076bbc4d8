"""What each task has cost in US dollars, as PostHog meters it, with a row for each change.

Off unless ``TASKHOUSE_TASK_USAGE`` is set, because it takes one request for each task that changed.
"""

from taskhouse.resources.spec import Resource, versions

VERSIONS = versions("task_usage", "task_id", shown_by=("task_cost_history",))
TASK_USAGE = Resource(
    name="task_usage",
    about=__doc__,
    cron="27 * * * *",
    tables=(VERSIONS,),
    after=("runs",),
    optional=True,
    alone=True,
    cursors="task_id",
    preview=("task_id", "total_cost_usd", "token_cost_usd", "compute_cost_usd", "valid_from"),
    newest="valid_from",
    every_s=3 * 3600.0,
)
