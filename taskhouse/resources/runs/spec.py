"""Every run of every task, with a version for each change of its state.

The newest run comes with its task. The list of a task's runs is read if more than one may have been added.
"""

from taskhouse.resources.spec import Resource, versions

VERSIONS = versions(
    "run_versions",
    "run_id",
    refers=("task_id", "task_versions"),
    shown_by=("run_history",),
    extra=(("bare_hash", "VARCHAR"),),
    first=("runs/completed_find", "runs/completed_delete", "runs/completed_insert"),
    then=(("runs/latest_run_moved", "task_versions"),),
    told_in="task",  # the same commit brings that task
)
RUNS = Resource(
    name="runs",
    about=__doc__,
    cron="1-59/5 * * * *",
    tables=(VERSIONS,),
    after=("tasks",),
    cursors="task_id",
    listed=True,
    preview=("run_id", "status", "environment", "model", "branch", "updated_at"),
    newest="updated_at",
    sees_runs=True,
)
