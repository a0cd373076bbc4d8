"""Views for people, one ``.sql`` file each: a SELECT without CREATE, under the name of its file.

A file begins with a comment: what one row is, an empty comment line, and a line ``name: text`` for every column, in the
order of the columns (a text goes on with an indent). It ends up beside the view and its columns in the warehouse, and
in ``docs/views.md``.
"""

MACROS: tuple[str, ...] = (
    "day_zone",
    "local_time",
    "day_of",
    "day_start",
    "readiness_steps",
    "readiness_score",
    "event_number",
    "event_boot",
    "event_document",
    "event_content",
    "plain_text",
    "event_text",
    "text_hidden",
    "token_count",
)
"""Macros below ``macros/``, in the order in which they are made; each file is one CREATE MACRO statement."""

VIEWS: tuple[str, ...] = (
    "task_history",
    "tasks",
    "repositories",
    "repository_periods",
    "readiness",
    "readiness_trend",
    "readiness_daily",
    "run_history",
    "run_attempts",
    "runs",
    "task_cost_history",
    "task_cost",
    "pinned",
    "run_daily",
    "runs_stuck",
    "pull_requests",
    "run_events",
    "events_once",
    "run_timeline",
    "messages",
    "tool_calls",
    "tool_daily",
    "token_usage",
    "run_usage",
    "activity_hourly",
    "data_health",
)
"""Views in the order in which one builds on the other."""

AS_OF: tuple[str, ...] = (
    "readiness_as_of",
    "task_as_of",
    "run_as_of",
)
"""Macros below ``macros/`` that give a table, and read the views: made last."""
