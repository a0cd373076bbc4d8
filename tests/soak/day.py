"""``python -m tests.soak.day``: the first day with a project, over HTTP, on the server's own throttle and its clock.

Every resource runs on its schedule beside the others, on a first load of everything, while the world goes on changing.
The emulator lives in the same loop, whose time jumps on whenever nothing is left to do, so that a day takes minutes.
Streams, the lines in front of a host and the budget wait in that time too; only threads are waited for in real time.
The emulator's request log says what was asked for, and whether anything was ever refused.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from taskhouse.clock import LoopClock
from taskhouse.emulator import virtual
from taskhouse.emulator.mutations import mutate
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.passes.context import Context
from taskhouse.posthog.budget import Budget, KeyWindows, Priority
from taskhouse.posthog.client import PostHog
from taskhouse.resources import registry
from taskhouse.settings import Settings
from taskhouse.warehouse.opening import open_warehouse
from tests.asked import ask

START = datetime(2026, 9, 14, tzinfo=UTC)
EVERY_S = {
    "tasks": (0, 300),
    "repositories": (30, 3600),
    "runs": (60, 300),
    "run_events": (120, 300),
    "readiness": (600, 3600),
}
"""By resource: when it first runs, and how often."""

CHANGES_S = 60


class Purse(Budget):
    """The budget on simulated time, with a note of the longest wait of each class."""

    def __init__(self, settings: Settings) -> None:
        super().__init__(KeyWindows.of(settings))
        self.longest: Counter[Priority] = Counter()

    async def acquire(self, priority: Priority, *, within_s: float | None = None) -> float:
        waited = await super().acquire(priority, within_s=within_s)
        self.longest[priority] = max(self.longest[priority], round(waited))
        return waited


@dataclass(slots=True)
class Outcome:
    """What a day came to.

    Attributes:
        requests: The emulator's log: by endpoint and by status.
        longest: Seconds that one request waited for its class's room at most.
        passes: Passes by resource and verdict.
        stale: Tasks held otherwise than they are, after one more tick.
        readiness: Snapshots of readiness, and how many were due.
        seconds: How long it took.
    """

    requests: dict[str, Any]
    longest: dict[str, int]
    passes: Counter[tuple[str, str]]
    stale: int
    readiness: tuple[int, int]
    seconds: float


class Day:
    """One day, or its first hours."""

    def __init__(
        self,
        home: Path,
        *,
        tasks: int,
        repositories: int,
        hours: float,
        first_load_tasks: int,
        tell: Callable[[str], object] = lambda _: None,
    ) -> None:
        self.hours = hours
        self.world = EmulatorSettings(
            tasks=tasks, repositories=repositories, live_runs=20, start=START, speed=1, events=0.1
        )
        self.home = home
        self.first_load_tasks = first_load_tasks
        self.tell = tell
        self.rng = random.Random(1)
        self.passes: Counter[tuple[str, str]] = Counter()

    def run(self) -> Outcome:
        """Live through it."""
        return virtual.run(self._run())

    async def _run(self) -> Outcome:
        began = time.monotonic()
        async with virtual.emulated(self.world) as (origin, emulator):
            self.service, self._loop = emulator.service, asyncio.get_running_loop()
            self._began_s = self._loop.time()
            settings = Settings(
                host=origin,
                api_key=self.world.keys[0].value,
                project_ids=(1,),
                home=self.home,
                capture_seconds=1,
                log_final_s=0,
                first_load_tasks=self.first_load_tasks,
            ).with_clock(LoopClock(START))
            async with PostHog(settings) as client:
                client.budget = purse = Purse(settings)
                self.context = Context(settings, 1, client, open_warehouse(settings))
                await asyncio.gather(self._changes(), *(self._every(name, *when) for name, when in EVERY_S.items()))
                requests = self.service.requests.shown()
                longest = {priority.name: seconds for priority, seconds in purse.longest.items()}
                await registry.code("tasks").sync(self.context)
            stale = await self._stale()
        due = len(self._rows("SELECT * FROM main.repositories WHERE absent_since IS NULL")) * 3
        return Outcome(
            requests=requests,
            longest=longest,
            passes=self.passes,
            stale=stale,
            readiness=(self._rows("SELECT count(*) FROM raw.readiness_snapshots")[0][0], due),
            seconds=time.monotonic() - began,
        )

    def _elapsed_s(self) -> float:
        return self._loop.time() - self._began_s

    def _now(self) -> datetime:
        return START + timedelta(seconds=self._elapsed_s())

    async def _every(self, resource: str, first_s: float, every_s: float) -> None:
        await asyncio.sleep(first_s)
        while (began_s := self._elapsed_s()) < self.hours * 3600:
            report = await registry.code(resource).sync(self.context)
            self.passes[(resource, report.verdict)] += 1
            self.tell(f"{self._now():%d %H:%M}  {resource}: {report.verdict}, {report.requests} requests")
            await asyncio.sleep(max(1.0, every_s - (self._elapsed_s() - began_s)))

    async def _changes(self) -> None:
        """Every minute a new task with a run, and a new run of an old task."""
        tasks = [task["id"] for task in await self._truth()]
        while self._elapsed_s() < self.hours * 3600:
            mutate(self.service, {"action": "new_task", "run": True})
            mutate(self.service, {"action": "new_run", "task_id": self.rng.choice(tasks)})
            await asyncio.sleep(CHANGES_S)

    async def _truth(self) -> list[dict[str, Any]]:
        project, user = self.world.projects[0], self.world.keys[0].user_id
        found: list[dict[str, Any]] = (await self.service.truth.of(project, user, with_runs=False))["tasks"]
        return found

    async def _stale(self) -> int:
        held = self._rows("SELECT task_id, title, latest_run_id FROM main.tasks WHERE absent_since IS NULL")
        truth = {(task["id"], task["title"], task["latest_run_id"]) for task in await self._truth()}
        return len(set(held) ^ truth)

    def _rows(self, text: str) -> list[tuple[Any, ...]]:
        return ask(self.context.warehouse, text)


def main() -> int:
    """Run it, and print the requests by endpoint; 0 if nothing was refused and nobody starved."""
    parser = argparse.ArgumentParser(prog="python -m tests.soak.day", description=__doc__)
    parser.add_argument("--tasks", type=int, default=126_200, help="the key sees four of five")
    parser.add_argument("--repositories", type=int, default=1000)
    parser.add_argument("--hours", type=float, default=24)
    parser.add_argument("--first-load-tasks", type=int, default=1000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = Day(Path(folder), tell=lambda line: sys.stderr.write(f"{line}\n"), **vars(asked)).run()
    lines = {
        **{f"requests {name}": count for name, count in outcome.requests["by_endpoint"].items()},
        **{f"answered {status}": count for status, count in outcome.requests["by_status"].items()},
        **{f"longest wait {name}": f"{seconds} s" for name, seconds in outcome.longest.items()},
        **{f"passes of {name}, {verdict}": count for (name, verdict), count in sorted(outcome.passes.items())},
        "readiness": f"{outcome.readiness[0]} of {outcome.readiness[1]}",
        "tasks not as they are": outcome.stale,
        "seconds": round(outcome.seconds),
    }
    for name, value in lines.items():
        sys.stdout.write(f"{name:36} {value}\n")
    return int("429" in outcome.requests["by_status"] or outcome.stale > 0)


if __name__ == "__main__":
    raise SystemExit(main())
