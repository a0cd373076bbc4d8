"""What agents do, and what becomes of their runs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator.mutations.asked import MutationError, run_asked, task_asked
from taskhouse.emulator.world.model import TERMINAL
from taskhouse.emulator.world.modes import pin

if TYPE_CHECKING:
    from datetime import datetime

    from taskhouse.emulator.service import Service
    from taskhouse.emulator.world.model import Fate, Run, Task

_PR_STATES: Final = ("open", "draft", "merged", "closed")
_SCHEDULED_DAYS: Final = 30
_MODES: Final = ("thin_tail", "presence_gated", "proxy")


def started(
    service: Service,
    task: Task,
    asked: dict[str, Any],
    *,
    resume_from: str | None,
    scheduled_at: datetime | None = None,
    fate: Fate | None = None,
    model: tuple[str, str, str] | None = None,
) -> Run:
    """A run of the task that starts now or waits until ``scheduled_at``; for ``asked`` see :func:`new_run`.

    ``model`` names adapter, provider and model.
    """
    now = service.clock.now()
    run = service.world.generators[task.project_id].run(task, now)
    run.fate = fate
    if model is not None:
        run.runtime_adapter, run.provider, run.model = model
    run.state.pop("resume_from_run_id", None)
    if resume_from is not None:
        run.state["resume_from_run_id"] = resume_from
    if scheduled_at is not None:
        run.status, run.scheduled_at, run.started_at = "not_started", scheduled_at, scheduled_at
    pin(run, service.settings, {name: bool(asked[name]) for name in _MODES if name in asked})
    if service.settings.activity_moves:
        task.last_activity_at = max(task.last_activity_at, now)
    service.world.add_run(run)
    service.driver.start(run)
    return run


def new_run(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """A run of ``task_id`` that starts now; ``resume_from`` is a run of the same task, or true for the latest.

    ``thin_tail``, ``presence_gated`` and ``proxy`` say how its stream is served, else the settings do.
    """
    task = task_asked(service, asked)
    resume = asked.get("resume_from")
    latest = task.latest_run
    if resume is True:
        resume = latest.id if latest else None
    if resume is not None and (resume not in service.world.runs or service.world.runs[resume].task is not task):
        raise MutationError("resume_from names no run of the task")
    return {"task_id": task.id, "run_id": started(service, task, asked, resume_from=resume).id}


def reopen(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Resume the terminal run ``run_id`` in the cloud: the same run, queued again, with a fresh stream.

    With ``reset`` false the old stream could not be deleted, and its sentinel stays.
    """
    run = run_asked(service, asked)
    if not run.is_terminal():
        raise MutationError("only a terminal run can be reopened")
    service.driver.reopen(run, reset=bool(asked.get("reset", True)))
    return {"task_id": run.task.id, "run_id": run.id}


def protected(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Let ``run_id`` hold what the key may not read, or no longer with ``protected`` false: 403 on its routes."""
    run = run_asked(service, asked)
    run.protected = bool(asked.get("protected", True))
    service.world.touch(run.task)
    return {"task_id": run.task.id, "run_id": run.id}


def schedule(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """A run of ``task_id`` that waits in `not_started` for ``delay_s`` seconds (a day), 30 days at most."""
    task, delay_s = task_asked(service, asked), float(asked.get("delay_s", 86400))
    if not 0 < delay_s <= _SCHEDULED_DAYS * 86400:
        raise MutationError(f"delay_s is a number of seconds, {_SCHEDULED_DAYS} days at most")
    at = service.clock.now() + timedelta(seconds=delay_s)
    run = started(service, task, asked, resume_from=None, scheduled_at=at)
    return {"task_id": task.id, "run_id": run.id, "scheduled_at": at.isoformat()}


def pull_request(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Let the pull request of ``run_id`` be ``state``: open, draft, merged, closed; made if there is none.

    The run's updated_at moves, as a saved output does; the task's does not, nor does its last_activity_at.
    """
    run, state = run_asked(service, asked), asked.get("state", "merged")
    if state not in _PR_STATES:
        raise MutationError(f"state is one of: {', '.join(_PR_STATES)}")
    output = dict(run.output or {})
    if not output.get("pr_url"):
        url = f"https://github.com/{run.task.repository or 'acme/scratch'}/pull/{1 + run.seed % 9000}"
        output |= {"pr_url": url, "pr_urls": [url]}
    run.output = output | {"pr_state": state, "pr_merged": state == "merged"}
    run.updated_at = service.clock.now()
    service.world.touch(run.task)
    return {"task_id": run.task.id, "run_id": run.id}


def finish(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """End ``run_id`` now with ``status`` (completed)."""
    run, status = run_asked(service, asked), asked.get("status", "completed")
    if status not in TERMINAL or run.is_terminal():
        raise MutationError("finish takes a run that is not terminal, and a terminal status")
    service.driver.finish(run, status)
    return {"task_id": run.task.id, "run_id": run.id}
