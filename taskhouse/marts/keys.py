"""Columns that tell the rows of a view apart, beside ``project_id``. Pure.

Each view is written to files in this order, and the picture of the data model in ``docs/questions.md`` shows them.
"""

_RUN, _ATTEMPT, _TASK = ("run_id",), ("run_id", "attempt"), ("task_id",)
_REPOSITORY_DAY = ("repository", "window_days", "day")

KEYS: dict[str, tuple[str, ...]] = {
    "activity_hourly": ("hour",),
    "data_health": ("resource", "day"),
    "events_once": (*_RUN, "occurred_at", "stream_ms", "stream_seq", "incarnation", "position"),
    "failures": _ATTEMPT,
    "messages": (*_RUN, "number"),
    "people": ("created_by",),
    "pinned": (*_TASK, "viewer", "pinned_since"),
    "pr_cost": ("pr_url",),
    "pr_history": ("pr_url", "changed_before"),
    "pr_versions": ("pr_url", *_RUN, "valid_from"),
    "projects": (),
    "pull_requests": ("pr_url",),
    "readiness": ("repository", "window_days", "observed_at"),
    "readiness_capabilities": (*_REPOSITORY_DAY, "capability"),
    "readiness_changes": _REPOSITORY_DAY,
    "readiness_daily": ("window_days", "day"),
    "readiness_trend": _REPOSITORY_DAY,
    "readiness_weekly": ("window_days", "week"),
    "repositories": ("repository",),
    "repository_periods": ("repository", "first_seen_at"),
    "run_activity": _ATTEMPT,
    "run_attempts": _ATTEMPT,
    "run_daily": (
        *("day", "repository", "model", "runtime_adapter", "origin_product", "environment"),
        "visibility",
    ),
    "run_events": (*_RUN, "source", "stream_ms", "stream_seq", "incarnation"),
    "run_history": (*_RUN, "valid_from"),
    "run_hours": (*_RUN, "hour"),
    "run_signals": (*_RUN, "layer", "signal", "occurred_at", "place", "received_at", "status"),
    "run_states": (*_RUN, "observed_at", "observed_in", "status", "happened_at", "ended_at"),
    "run_timeline": (*_RUN, "ordinal"),
    "run_usage": _RUN,
    "runs": _RUN,
    "runs_stuck": _RUN,
    "task_cost": _TASK,
    "task_cost_history": (*_TASK, "valid_from"),
    "task_history": (*_TASK, "valid_from"),
    "task_lifecycle": _TASK,
    "tasks": _TASK,
    "token_usage": (*_RUN, "occurred_at", "session_id", "measure"),
    "tool_calls": (*_RUN, "tool_call_id"),
    "tool_daily": ("day", "tool", "kind"),
}
