"""Changes to the world on request: what users, agents and administrators would do."""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator.script.hostile import HOSTILE, large
from taskhouse.emulator.world.model import TERMINAL, UNSEEN_ORIGINS, Channel, uuid_of
from taskhouse.emulator.world.modes import pin

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from taskhouse.emulator.service import Service
    from taskhouse.emulator.world.model import Project, Run, Task

_PROJECT_FLAGS: Final = (
    "github_token",
    "proactive_tasks",
    "session_recording",
    "exception_autocapture",
)
_PR_STATES: Final = ("open", "draft", "merged", "closed")
_SCHEDULED_DAYS: Final = 30
_MODES: Final = ("thin_tail", "presence_gated", "proxy")


class MutationError(ValueError):
    """A mutation that cannot be done."""


def mutate(service: Service, asked: Any) -> dict[str, Any]:
    """Do one ``{"action": …}``; returns the action with the ids that it touched.

    Raises:
        MutationError: An unknown action, id or value.
    """
    action = asked.get("action") if isinstance(asked, dict) else None
    if action not in ACTIONS:
        raise MutationError(f"an action is one of: {', '.join(sorted(ACTIONS))}")
    return {"action": action, **ACTIONS[action](service, asked)}


def _project(service: Service, asked: dict[str, Any]) -> Project:
    project = service.world.projects.get(asked.get("project_id", service.settings.projects[0]))
    if project is None:
        raise MutationError("no such project")
    return project


def _task(service: Service, asked: dict[str, Any]) -> Task:
    task = service.world.tasks.get(asked.get("task_id", ""))
    if task is None:
        raise MutationError("task_id names no task")
    return task


def _run(service: Service, asked: dict[str, Any]) -> Run:
    run = service.world.runs.get(asked.get("run_id", ""))
    if run is None:
        raise MutationError("run_id names no run")
    return run


def _saved(service: Service, task: Task) -> dict[str, Any]:
    """The task was saved: its updated_at moves, if the settings let it."""
    if service.settings.saves_move:
        task.updated_at = service.clock.now()
    service.world.touch(task, membership=True)
    return {"task_id": task.id}


def new_task(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """A task in a public channel that is listed; with ``run`` true its first run starts at once.

    ``title``, ``repository``, ``origin_product``, ``created_by`` and ``internal`` are as given, else drawn; for the
    run, ``thin_tail``, ``presence_gated`` and ``proxy`` as well.
    """
    project = _project(service, asked)
    world, now = service.world, service.clock.now()
    generator = world.generators[project.id]
    given: dict[str, Any] = {
        "updated_at": now,
        "channel": generator.public_channels[0],
        "internal": bool(asked.get("internal", False)),
        "archived_at": None,
        "deleted": False,
    }
    given |= {name: asked[name] for name in ("title", "repository", "origin_product", "created_by") if name in asked}
    task = generator.task(len(world.of_project[project.id]) + 1, now, **given)
    if task.origin_product in UNSEEN_ORIGINS and "origin_product" not in asked:
        task.origin_product = "user_created"
    world.add_task(task)
    if not asked.get("run", False):
        return {"task_id": task.id}
    return {"task_id": task.id, "run_id": _started(service, task, asked, resume_from=None).id}


def _started(
    service: Service,
    task: Task,
    asked: dict[str, Any],
    *,
    resume_from: str | None,
    scheduled_at: datetime | None = None,
) -> Run:
    now = service.clock.now()
    run = service.world.generators[task.project_id].run(task, now)
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
    task = _task(service, asked)
    resume = asked.get("resume_from")
    latest = task.latest_run
    if resume is True:
        resume = latest.id if latest else None
    if resume is not None and (resume not in service.world.runs or service.world.runs[resume].task is not task):
        raise MutationError("resume_from names no run of the task")
    return {"task_id": task.id, "run_id": _started(service, task, asked, resume_from=resume).id}


def reopen(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Resume the terminal run ``run_id`` in the cloud: the same run, queued again, with a fresh stream.

    With ``reset`` false the old stream could not be deleted, and its sentinel stays.
    """
    run = _run(service, asked)
    if not run.is_terminal():
        raise MutationError("only a terminal run can be reopened")
    service.driver.reopen(run, reset=bool(asked.get("reset", True)))
    return {"task_id": run.task.id, "run_id": run.id}


def protected(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Let ``run_id`` hold what the key may not read, or no longer with ``protected`` false: 403 on its routes."""
    run = _run(service, asked)
    run.protected = bool(asked.get("protected", True))
    service.world.touch(run.task)
    return {"task_id": run.task.id, "run_id": run.id}


def schedule(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """A run of ``task_id`` that waits in `not_started` for ``delay_s`` seconds (a day), 30 days at most."""
    task, delay_s = _task(service, asked), float(asked.get("delay_s", 86400))
    if not 0 < delay_s <= _SCHEDULED_DAYS * 86400:
        raise MutationError(f"delay_s is a number of seconds, {_SCHEDULED_DAYS} days at most")
    at = service.clock.now() + timedelta(seconds=delay_s)
    run = _started(service, task, asked, resume_from=None, scheduled_at=at)
    return {"task_id": task.id, "run_id": run.id, "scheduled_at": at.isoformat()}


def pull_request(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Let the pull request of ``run_id`` be ``state``: open, draft, merged, closed; made if there is none.

    The run's updated_at moves, as a saved output does; the task's does not, nor does its last_activity_at.
    """
    run, state = _run(service, asked), asked.get("state", "merged")
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
    run, status = _run(service, asked), asked.get("status", "completed")
    if status not in TERMINAL or run.is_terminal():
        raise MutationError("finish takes a run that is not terminal, and a terminal status")
    service.driver.finish(run, status)
    return {"task_id": run.task.id, "run_id": run.id}


def stream_error(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Close the stream of ``run_id`` with an error sentinel that says ``message``."""
    run = _run(service, asked)
    service.driver.fail_stream(run, str(asked.get("message", "Connection lost to task run stream")))
    return {"task_id": run.task.id, "run_id": run.id}


def restart_stream(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Lose the stream of ``run_id`` as a Redis does that is set back: the next events get the first ones' ids again."""
    run = _run(service, asked)
    service.driver.restart_stream(run)
    return {"task_id": run.task.id, "run_id": run.id}


def roll_back(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """A failover of Redis: the newest ``events`` (5) of ``run_id`` are lost, and the agent sends them once more.

    With ``again`` false it does not; then the end marker of a closed stream is lost with them.
    """
    run, again = _run(service, asked), bool(asked.get("again", True))
    if again and service.store.stream(run.id).closed(service.clock.now_ms()):
        raise MutationError("only an open stream can be rolled back and written again")
    ids = service.driver.roll_back(run, int(asked.get("events", 5)), again=again)
    return {"task_id": run.task.id, "run_id": run.id, "stream_ids": ids}


def redis(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Let the Redis behind all streams be ``state``: up, down, or silent."""
    state = asked.get("state", "up")
    if state not in {"up", "down", "silent"}:
        raise MutationError("state is up, down or silent")
    service.store.set_redis(state)
    return {"state": state}


def inject(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Write odd things of ``run_id`` now: raw text to its stream (``live``) and its log (``log``), or named ones.

    ``hostile`` is a name of :data:`taskhouse.emulator.script.hostile.HOSTILE` or true for all of them, in both layers;
    ``bytes`` makes one legal event of about that size, filled with ``character``, in the stream. Answers with the
    stream ids, null where nobody was watching a presence-gated run.
    """
    run = _run(service, asked)
    pairs: list[tuple[str | None, str | None]] = []
    if "live" in asked or "log" in asked:
        pairs.append((asked.get("live"), asked.get("log")))
    if "hostile" in asked:
        names = list(HOSTILE) if asked["hostile"] is True else [asked["hostile"]]
        if not HOSTILE.keys() >= set(names):
            raise MutationError(f"hostile is true or one of: {', '.join(HOSTILE)}")
        pairs += [(HOSTILE[name], HOSTILE[name] if "\n" not in HOSTILE[name] else None) for name in names]
    if "bytes" in asked:
        pairs.append((large(int(asked["bytes"]), str(asked.get("character", "x"))), None))
    for live, log in pairs:
        if not all(text is None or (isinstance(text, str) and "\r" not in text) for text in (live, log)):
            raise MutationError("live and log are texts without carriage returns")
        if log is not None and "\n" in log:
            raise MutationError("a log entry is one line")
    ids = [service.driver.inject(run, live=live, log=log) for live, log in pairs]
    return {"task_id": run.task.id, "run_id": run.id, "stream_ids": ids}


def delete(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Soft-delete ``task_id``: gone without a trace, except for its run routes."""
    task = _task(service, asked)
    task.deleted = True
    return _saved(service, task)


def hide(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """File ``task_id`` in a personal channel of ``user_id`` (the last member)."""
    task = _task(service, asked)
    owner = asked.get("user_id", max(service.world.users))
    if owner not in service.world.users:
        raise MutationError("user_id names no user")
    task.channel = service.world.generators[task.project_id].personal_channel(owner)
    return _saved(service, task)


def show(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """File ``task_id`` in a public channel."""
    task = _task(service, asked)
    task.channel = service.world.generators[task.project_id].public_channels[0]
    return _saved(service, task)


def private(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """File ``task_id`` in a private channel of its own, whose ``members`` (a list of user ids; nobody) alone see it."""
    task, members = _task(service, asked), frozenset(asked.get("members", ()))
    if not members <= service.world.users.keys():
        raise MutationError("members are ids of users")
    name = uuid_of(int(sha256(f"{task.id}{sorted(members)}".encode()).hexdigest()[:32], 16))
    task.channel = Channel(name, "private", False, None, members)  # noqa: FBT003
    return _saved(service, task)


def rename(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Give ``task_id`` another ``title``."""
    task = _task(service, asked)
    task.title = str(asked.get("title", f"{task.title} (renamed)"))[:255]
    task.title_manually_set = True
    return _saved(service, task)


def archive(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Archive ``task_id``, or take it back with ``archived`` false."""
    task = _task(service, asked)
    task.archived_at = service.clock.now() if asked.get("archived", True) else None
    return _saved(service, task)


def pinned(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Pin ``task_id`` for ``user_id`` (the owner of the first key), or unpin it with ``pinned`` false."""
    task, user = _task(service, asked), asked.get("user_id", service.settings.keys[0].user_id)
    task.pins[user] = bool(asked.get("pinned", True))
    service.world.touch(task)
    return {"task_id": task.id}


def move(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Give ``task_id`` another ``repository`` (null is none), or ``internal``."""
    task = _task(service, asked)
    if "repository" in asked:
        task.repository = asked["repository"].lower() if asked["repository"] else None
    if "internal" in asked:
        task.internal = bool(asked["internal"])
    return _saved(service, task)


def project(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Change ``project_id``: its ``name``, its GitHub integration (``github_integration``), its switches."""
    found = _project(service, asked)
    if "name" in asked:
        found.name = str(asked["name"])
    if "github_integration" in asked:
        found.github_integration = found.id if asked["github_integration"] else None
    for flag in _PROJECT_FLAGS:
        if flag in asked:
            setattr(found, flag, bool(asked[flag]))
    for task in service.world.of_project[found.id]:
        task.row_parts = None
    return {"project_id": found.id}


def repository(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Change what a scan of ``repository`` finds: ``reachable``, file counts, ``init``, ``capture``, ``errors``."""
    found = _project(service, asked)
    name = str(asked.get("repository", "")).lower()
    facts = service.readiness.facts_of(found.id, name)
    for field in ("reachable", "frontend_markers", "backend_markers", "frontend_files", "backend_files"):
        if field in asked:
            setattr(facts, field, type(getattr(facts, field))(asked[field]))
    since = service.clock.now() - timedelta(days=1)
    for field in ("init", "capture", "errors"):
        if field in asked:
            setattr(facts, f"{field}_at", since if asked[field] else None)
    return {"repository": name}


def settings(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Change the service: ``metering_down`` (usage answers 502), ``max_streams``, ``proxy_streams``, ``token_s``."""
    if "metering_down" in asked:
        service.metering_down = bool(asked["metering_down"])
    if "max_streams" in asked:
        service.admission.most = int(asked["max_streams"])
    if "proxy_streams" in asked:
        service.proxy_streams = int(asked["proxy_streams"])
    if "token_s" in asked:
        service.token_s = float(asked["token_s"])
    return {}


ACTIONS: Final[dict[str, Callable[[Service, dict[str, Any]], dict[str, Any]]]] = {
    "new_task": new_task,
    "new_run": new_run,
    "reopen": reopen,
    "protected": protected,
    "schedule": schedule,
    "pull_request": pull_request,
    "finish": finish,
    "stream_error": stream_error,
    "restart_stream": restart_stream,
    "roll_back": roll_back,
    "redis": redis,
    "inject": inject,
    "delete": delete,
    "hide": hide,
    "show": show,
    "private": private,
    "rename": rename,
    "archive": archive,
    "pinned": pinned,
    "move": move,
    "project": project,
    "repository": repository,
    "settings": settings,
}
