"""Every run of every task, a version for each change of its state.

The newest run comes with its task; the list of a task's runs is read where more than one may have appeared.
"""

from taskhouse.assets.family import Family, Table

RUNS = Family(
    name="runs",
    about=__doc__,
    tables=(
        Table(
            "run_versions",
            ("run_id", "valid_from"),
            begins="valid_from",
            compares=("content_hash",),
            refers=("task_id", "task_versions"),
        ),
    ),
    after=("tasks",),
    preview=("run_id", "status", "environment", "model", "branch", "updated_at"),
    newest="updated_at",
    made_by=(
        "resources/runs/sync.py",
        "passes/polling_policy.py",
        "resources/tasks/run_facts.py",
        "posthog/records.py",
        "warehouse/statements/versions/changes.sql",
    ),
    sees_runs=True,
)
