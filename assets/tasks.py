"""Every task that the key may see, a version for each real change, and when each was seen or missed.

A pass is complete when the tasks that are present here are as many as the server counts, and every id that was asked
for came back or is recorded as absent.
"""

from taskhouse.assets.family import Family, Table

TASKS = Family(
    name="tasks",
    about=__doc__,
    tables=(
        Table(
            "task_versions",
            ("task_id", "valid_from"),
            begins="valid_from",
            compares=("content_hash",),
            refers=("task_id", "task_sightings"),
        ),
        Table("task_sightings", ("task_id", "first_seen_at"), begins="first_seen_at", ends="absent_since"),
    ),
    preview=("task_id", "title", "repository", "latest_run_status", "updated_at"),
    newest="updated_at",
    made_by=(
        "resources/tasks/sync.py",
        "resources/tasks/rows.py",
        "resources/tasks/run_facts.py",
        "posthog/records.py",
        "warehouse/statements/versions/changes.sql",
        "warehouse/statements/versions/latest_run_moved.sql",
        "warehouse/statements/versions/sightings_new.sql",
        "warehouse/statements/versions/sightings_seen.sql",
        "warehouse/statements/versions/sightings_absent.sql",
    ),
    sees_runs=True,
    quarantines=("summaries",),
)
