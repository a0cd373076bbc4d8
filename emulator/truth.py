"""What a perfect client of a key should hold: running digests of what the streams offered, and the rest on request."""

from __future__ import annotations

import asyncio
import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator.proxy import shown_text
from taskhouse.emulator.redaction import redacted
from taskhouse.emulator.world import metering
from taskhouse.emulator.world.model import visible

if TYPE_CHECKING:
    from taskhouse.emulator.clock import Clock
    from taskhouse.emulator.world.logs import Logs
    from taskhouse.emulator.world.model import Run, Task
    from taskhouse.emulator.world.world import World

_PAUSE_EVERY: Final = 4
_TAIL: Final = 64
_NUMBER: Final = re.compile(r'"event_id": ?"([^"]+)-([0-9]+)"\}$')
"""The agent's number, which its own events end with."""


@dataclass(slots=True)
class Digest:
    """Events in the order of appending: their number, the hash of their redacted texts, and the outer ids.

    ``proxy`` is the same for a reader on the agent proxy's leg, where the run has one.
    """

    count: int = 0
    first_id: str | None = None
    last_id: str | None = None
    unreachable: int = 0
    unmirrored: int = 0
    made: int = 0
    hash: Any = field(default_factory=hashlib.sha256)
    numbers: dict[str, int] = field(default_factory=dict)
    proxy: Digest | None = None

    def emitted(self, text: str) -> None:
        """Count an event that the run made, whether or not a reader can receive it."""
        self.made += 1
        found = _NUMBER.search(text, max(0, len(text) - _TAIL))
        if found is not None:
            boot = found[1]
            self.numbers[boot] = max(self.numbers.get(boot, 0), int(found[2]))

    def add(self, event_id: str, text: str) -> None:
        """Take in one event that readers of the stream can reach."""
        self.count += 1
        self.first_id = self.first_id or event_id
        self.last_id = event_id
        self.hash.update(redacted(text).encode("utf-8", "surrogatepass") + b"\n")
        if self.proxy is not None and (other := shown_text(text)) is not None:
            self.proxy.add(event_id, other)

    def sums(self) -> dict[str, Any]:
        """Count and hash as JSON."""
        return {"count": self.count, "sha256": self.hash.hexdigest()}

    def shown(self) -> dict[str, Any]:
        """The digest as JSON."""
        return {
            **self.sums(),
            "first_id": self.first_id,
            "last_id": self.last_id,
            "unreachable": self.unreachable,
            "unmirrored": self.unmirrored,
            "emitted": self.made,
            "proxy": None if self.proxy is None else self.proxy.sums(),
        }


class Truth:
    """Keeps the digest of every stream since the start, and every readiness answer that was served."""

    def __init__(self, world: World, logs: Logs, clock: Clock) -> None:
        self._world = world
        self._clock = clock
        self._logs = logs
        self._start = clock.now()
        self._never = {task.id for task in world.tasks.values() if task.deleted}
        self._live: dict[str, Digest] = {}
        self._readiness: dict[tuple[int, str, int, str], dict[str, Any]] = {}

    def live(self, run: Run) -> Digest:
        """The run's digest."""
        found = self._live.get(run.id)
        if found is None:
            found = self._live[run.id] = Digest(proxy=Digest() if run.via_proxy else None)
        return found

    def answered(self, project_id: int, answer: dict[str, Any]) -> None:
        """Record a readiness answer; repeating it changes nothing."""
        key = (project_id, answer["repository"], answer["windowDays"], answer["generatedAt"])
        self._readiness[key] = {
            "repository": answer["repository"],
            "window_days": answer["windowDays"],
            "generated_at": answer["generatedAt"],
            "overall": answer["overall"],
            "classification": answer["classification"],
            "states": [answer[name]["state"] for name in ("coreSuggestions", "replayInsights", "errorInsights")],
            "files_scanned": answer["scan"]["filesScanned"] if "scan" in answer else None,
        }

    async def of(self, project_id: int, user_id: int, *, with_runs: bool = True, ever: bool = False) -> dict[str, Any]:
        """Everything that the user's perfect client holds; the event loop gets its turn in between.

        With ``ever``, tasks that were deleted since the start are there too, and logs that expired since as they were.
        """
        tasks = [task for task in self._world.of_project[project_id] if visible(task, user_id)]
        tasks = [task for task in tasks if not (task.id in self._never if ever else task.deleted)]
        now = self._clock.now()
        runs = []
        for task in tasks if with_runs else ():
            for run in task.runs:
                runs.append(self._run(run, ever=ever))
                if len(runs) % _PAUSE_EVERY == 0:
                    await asyncio.sleep(0)
        return {
            "project_id": project_id,
            "user_id": user_id,
            "tasks": [_task(task) | {"usage": metering.usage(task, now)} for task in tasks],
            "repositories": self._world.repositories(project_id, user_id),
            "readiness": [answer for key, answer in self._readiness.items() if key[0] == project_id],
            "runs": runs,
        }

    def _run(self, run: Run, *, ever: bool) -> dict[str, Any]:
        live = self._live.get(run.id)
        count, digest = self._logs.digest(run, since=self._start if ever else None)
        output = run.output or {}
        return {
            "id": run.id,
            "task_id": run.task.id,
            "status": run.status,
            "environment": run.environment,
            "pr_url": output.get("pr_url"),
            "pr_state": output.get("pr_state"),
            "modes": [name for name in ("thin_tail", "presence_gated", "proxied") if getattr(run, name)],
            "protected": run.protected,
            "incarnation": run.incarnation,
            "live": (live or Digest()).shown(),
            "log": {"count": count, "sha256": digest, "unreadable": len(run.unreadable)},
            "agent": dict((live or Digest()).numbers),
        }


def _task(task: Task) -> dict[str, Any]:
    run = task.latest_run
    return {
        "id": task.id,
        "title": task.title,
        "repository": task.repository,
        "origin_product": task.origin_product,
        "archived": task.archived,
        "internal": task.internal,
        "deleted": task.deleted,
        "created_at": task.created_at.isoformat(),
        "updated_at": task.updated_at.isoformat(),
        "last_activity_at": task.last_activity_at.isoformat(),
        "runs": len(task.runs),
        "latest_run_id": run.id if run else None,
        "latest_run_status": run.status if run else None,
        "latest_run_environment": run.environment if run else None,
    }
