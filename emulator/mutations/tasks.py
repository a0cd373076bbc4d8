"""What users do with tasks."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Any

from taskhouse.emulator.mutations.asked import MutationError, project_asked, task_asked
from taskhouse.emulator.mutations.runs import started
from taskhouse.emulator.world.model import UNSEEN_ORIGINS, Channel, uuid_of

if TYPE_CHECKING:
    from taskhouse.emulator.service import Service
    from taskhouse.emulator.world.model import Task


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
    project = project_asked(service, asked)
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
    return {"task_id": task.id, "run_id": started(service, task, asked, resume_from=None).id}


def delete(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Soft-delete ``task_id``: gone without a trace, except for its run routes."""
    task = task_asked(service, asked)
    task.deleted = True
    return _saved(service, task)


def hide(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """File ``task_id`` in a personal channel of ``user_id`` (the last member)."""
    task = task_asked(service, asked)
    owner = asked.get("user_id", max(service.world.users))
    if owner not in service.world.users:
        raise MutationError("user_id names no user")
    task.channel = service.world.generators[task.project_id].personal_channel(owner)
    return _saved(service, task)


def show(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """File ``task_id`` in a public channel."""
    task = task_asked(service, asked)
    task.channel = service.world.generators[task.project_id].public_channels[0]
    return _saved(service, task)


def private(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """File ``task_id`` in a private channel of its own, whose ``members`` (a list of user ids; nobody) alone see it."""
    task, members = task_asked(service, asked), frozenset(asked.get("members", ()))
    if not members <= service.world.users.keys():
        raise MutationError("members are ids of users")
    name = uuid_of(int(sha256(f"{task.id}{sorted(members)}".encode()).hexdigest()[:32], 16))
    task.channel = Channel(name, "private", False, None, members)  # noqa: FBT003
    return _saved(service, task)


def rename(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Give ``task_id`` another ``title``."""
    task = task_asked(service, asked)
    task.title = str(asked.get("title", f"{task.title} (renamed)"))[:255]
    task.title_manually_set = True
    return _saved(service, task)


def archive(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Archive ``task_id``, or take it back with ``archived`` false."""
    task = task_asked(service, asked)
    task.archived_at = service.clock.now() if asked.get("archived", True) else None
    return _saved(service, task)


def pinned(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Pin ``task_id`` for ``user_id`` (the owner of the first key), or unpin it with ``pinned`` false."""
    task, user = task_asked(service, asked), asked.get("user_id", service.settings.keys[0].user_id)
    task.pins[user] = bool(asked.get("pinned", True))
    service.world.touch(task)
    return {"task_id": task.id}


def move(service: Service, asked: dict[str, Any]) -> dict[str, Any]:
    """Give ``task_id`` another ``repository`` (null is none), or ``internal``."""
    task = task_asked(service, asked)
    if "repository" in asked:
        task.repository = asked["repository"].lower() if asked["repository"] else None
    if "internal" in asked:
        task.internal = bool(asked["internal"])
    return _saved(service, task)
