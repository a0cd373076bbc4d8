"""Views for people, one ``.sql`` file each: a SELECT without CREATE, under the name of its file."""

MACROS: tuple[str, ...] = ()
"""Macros below ``macros/``, in the order in which they are made; each file is one CREATE MACRO statement."""

VIEWS: tuple[str, ...] = (
    "task_history",
    "tasks",
    "repositories",
    "readiness",
    "run_history",
    "runs",
    "run_events",
)
"""Views in the order in which one builds on the other."""
