"""What each task cost, in US dollars as PostHog meters it, a row for each change.

Off unless ``TASKHOUSE_TASK_USAGE`` is set: it is one request for each task that moved, in the budget's lowest class.
"""

from taskhouse.assets.family import Family, Table

TASK_USAGE = Family(
    name="task_usage",
    about=__doc__,
    tables=(Table("task_usage", ("task_id", "valid_from"), begins="valid_from"),),
    after=("runs",),
    shown="task_cost",
    preview=("task_id", "title", "total_cost_usd", "may_grow", "as_of"),
    newest="as_of",
    made_by=(
        "resources/task_usage/sync.py",
        "passes/polling_policy.py",
        "posthog/records.py",
        "warehouse/statements/versions/changes.sql",
    ),
    every_s=3 * 3600.0,
)
