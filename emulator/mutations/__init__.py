"""Changes to the world on request: what users, agents and administrators would do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator.mutations import administration, runs, streams, tasks
from taskhouse.emulator.mutations.asked import MutationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from taskhouse.emulator.service import Service

__all__ = ["ACTIONS", "MutationError", "mutate"]

ACTIONS: Final[dict[str, Callable[[Service, dict[str, Any]], dict[str, Any]]]] = {
    "new_task": tasks.new_task,
    "new_run": runs.new_run,
    "reopen": runs.reopen,
    "protected": runs.protected,
    "schedule": runs.schedule,
    "pull_request": runs.pull_request,
    "finish": runs.finish,
    "stream_error": streams.stream_error,
    "restart_stream": streams.restart_stream,
    "roll_back": streams.roll_back,
    "redis": streams.redis,
    "inject": streams.inject,
    "delete": tasks.delete,
    "hide": tasks.hide,
    "show": tasks.show,
    "private": tasks.private,
    "rename": tasks.rename,
    "archive": tasks.archive,
    "pinned": tasks.pinned,
    "move": tasks.move,
    "project": administration.project,
    "repository": administration.repository,
    "settings": administration.settings,
}


def mutate(service: Service, asked: Any) -> dict[str, Any]:
    """Do one ``{"action": …}``; returns the action with the ids that it touched.

    Raises:
        MutationError: An unknown action, id or value.
    """
    action = asked.get("action") if isinstance(asked, dict) else None
    if action not in ACTIONS:
        raise MutationError(f"an action is one of: {', '.join(sorted(ACTIONS))}")
    return {"action": action, **ACTIONS[action](service, asked)}
