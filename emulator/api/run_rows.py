"""Runs as rows of JSON: what their own routes serve, and what a run inside its task shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator.rendering import stamp
from taskhouse.emulator.world.disguise import disguised
from taskhouse.emulator.world.outcome import preview_available, task_summary, task_tags

if TYPE_CHECKING:
    from taskhouse.emulator.settings import EmulatorSettings
    from taskhouse.emulator.world.model import Run

PUBLIC_STATE: Final = frozenset(
    {
        "ai_stage",
        "auto_publish",
        "context_window",
        "custom_image_id",
        "fast_mode",
        "initial_permission_mode",
        "mode",
        "model",
        "pending_user_artifact_ids",
        "pending_user_message",
        "pending_user_message_id",
        "pr_authorship_mode",
        "pr_base_branch",
        "prewarmed",
        "provider",
        "reasoning_effort",
        "repositories",
        "repository",
        "resume_from_run_id",
        "rtk_enabled",
        "run_source",
        "runtime_adapter",
        "sandbox_environment_id",
        "slack_artifact_delivery",
        "slack_chart_delivery",
        "slack_thread_url",
    }
)
"""The keys of a run's stored ``state`` that are served."""

HIDDEN: Final[dict[str, Any]] = {
    "log_url": None,
    "output": None,
    "error_message": None,
    "artifacts": [],
    "task_summary": None,
    "task_tags": None,
}
"""What a protected run shows outside its own routes."""

BORROWED: Final = ("pr_url", "pr_urls", "pr_summaries", "pr_state", "pr_merged")
"""What the ``output`` of a run inside its task takes from an earlier run, if it has no pull request of its own."""


def run_dict(run: Run, settings: EmulatorSettings, viewer: int, place: str = "run") -> dict[str, Any]:
    """A run with marks in place of its signed URLs, which differ at every call."""
    mine = run.task.origin_product != "workflow" or run.task.created_by == viewer
    row = {
        "id": run.id,
        "task": run.task.id,
        "stage": run.stage,
        "branch": run.branch,
        "status": run.status,
        "environment": run.environment,
        "runtime_adapter": run.runtime_adapter,
        "provider": run.provider,
        "model": run.model,
        "reasoning_effort": run.reasoning_effort,
        "log_url": None if run.log_written_at is None else _signed(object_path(run)),
        "error_message": run.error_message,
        "output": run.output,
        "state": _state(run, public=settings.public_state),
        "artifacts": [{**one, "url": _signed(one["storage_path"])} for one in run.artifacts],
        "created_at": stamp(run.created_at),
        "updated_at": stamp(run.updated_at),
        "completed_at": stamp(run.completed_at),
        "task_summary": task_summary(run) if mine else None,
        "task_tags": task_tags(run) if mine else [],
        "scheduled_at": stamp(run.scheduled_at),
        "preview_available": preview_available(run),
    }
    return shaped(row, settings, "run", place)


def latest_run_dict(run: Run, settings: EmulatorSettings, viewer: int) -> dict[str, Any]:
    """A run inside its task: pull requests are borrowed, and what a protected run holds is hidden without a word."""
    row = run_dict(run, settings, viewer, "run of a task")
    if run.protected:
        return {name: HIDDEN.get(name, value) for name, value in row.items()}
    if settings.borrowed_output:
        row["output"] = _borrowing(run)
    return row


def _state(run: Run, *, public: bool) -> dict[str, Any]:
    """The stored state: its public keys, or all of it with the summary that stood there once."""
    if public:
        return {name: value for name, value in run.state.items() if name in PUBLIC_STATE}
    summary = task_summary(run)
    return run.state if summary is None else {**run.state, "task_summary": summary}


def _borrowing(run: Run) -> dict[str, Any] | None:
    """The run's output with the pull request of the latest earlier run that has one."""
    if run.output and run.output.get("pr_url"):
        return run.output
    earlier = [other for other in run.task.runs if other.created_at < run.created_at and not other.protected]
    for other in sorted(earlier, key=lambda other: other.created_at, reverse=True):
        if other.output and other.output.get("pr_url"):
            lent: dict[str, Any] = {name: other.output[name] for name in BORROWED if name in other.output}
            return {**(run.output or {}), **lent}
    return run.output


def shaped(row: dict[str, Any], settings: EmulatorSettings, kind: str, place: str = "") -> dict[str, Any]:
    """The row as a server of that time has it, or as a surprising one prints it in that place."""
    omitted = settings.omitted.get(kind, ())
    left = {name: value for name, value in row.items() if name not in omitted}
    return disguised(left, settings.surprise, place or kind)


def _signed(path: str) -> str:
    return f"@signed:{path}@"


def object_path(run: Run) -> str:
    """Where the run's log is stored."""
    return f"tasks/logs/team_{run.task.project_id}/task_{run.task.id}/run_{run.id}.jsonl"
