"""``python -m tests.soak.day``: the first day with a project, over HTTP, on the server's own throttle and its clock.

Every resource runs on its schedule beside the others, on a first load of everything, while the world goes on changing.
Time stands still while anything works and jumps to the next moment at which somebody wakes, so that a day takes
minutes. The emulator's request log says what was asked for, and whether anything was ever refused.
"""

import argparse
import asyncio
import heapq
import itertools
import random
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from emulator.serve import Emulator
from emulator.settings import EmulatorSettings
from taskhouse.posthog.budget import Budget, Priority
from taskhouse.posthog.client import PostHog
from taskhouse.settings import Settings
from taskhouse.sync.context import Context
from taskhouse.sync.resources import RESOURCES, open_warehouse

T = TypeVar("T")

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


class Threads(ThreadPoolExecutor):
    """Threads that know how many of them work."""

    def __init__(self) -> None:
        super().__init__(8)
        self.busy = 0
        self._lock = threading.Lock()

    def submit(self, *given: Any, **named: Any) -> "Future[Any]":
        self._count(1)
        future = super().submit(*given, **named)
        future.add_done_callback(lambda _: self._count(-1))
        return future

    def _count(self, more: int) -> None:
        with self._lock:
            self.busy += more


class Time:
    """Simulated seconds since the start: of the emulator, of the request budget and of the passes."""

    def __init__(self, emulator: Emulator) -> None:
        self.us = 0
        self.busy = 0
        self.threads = Threads()
        self._emulator = emulator
        self._waits: list[tuple[int, int, asyncio.Future[None]]] = []
        self._serial = itertools.count()

    def now(self) -> datetime:
        """The simulated moment."""
        return START + timedelta(microseconds=self.us)

    def now_ms(self) -> int:
        """The same in milliseconds since the epoch."""
        return int(START.timestamp() * 1000) + self.us // 1000

    async def sleep(self, seconds: float) -> None:
        """Wait in simulated time."""
        done = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waits, (self.us + round(seconds * 1e6), next(self._serial), done))
        await done

    async def run(self, work: list[Any]) -> None:
        """Do the work, jumping whenever all of it waits."""
        asyncio.get_running_loop().set_default_executor(self.threads)
        running = asyncio.gather(*work)
        with ThreadPoolExecutor(1) as mover:
            while not running.done():
                await asyncio.sleep(0.002)
                if self.busy or self.threads.busy or not self._waits:
                    continue
                at, _, done = heapq.heappop(self._waits)
                if at > self.us:
                    move = partial(self._emulator.clock, advance_s=(at - self.us) / 1e6)
                    await asyncio.get_running_loop().run_in_executor(mover, move)
                    self.us = at
                if not done.done():
                    done.set_result(None)
        await running


class Timed(PostHog):
    """A client on simulated time, which stands still while a request is on its way."""

    def __init__(self, settings: Settings, simulated: Time) -> None:
        super().__init__(settings, sleep=simulated.sleep)
        self._time = simulated
        self.budget = self.purse = Purse(settings, simulated)

    async def _attempt(self, *given: Any) -> Any:
        self._time.busy += 1
        try:
            return await super()._attempt(*given)
        finally:
            self._time.busy -= 1


class Purse(Budget):
    """The budget on simulated time, with a note of the longest wait of each class."""

    def __init__(self, settings: Settings, simulated: Time) -> None:
        super().__init__(
            settings.budget,
            settings.key(),
            per_minute=settings.requests_per_minute,
            per_hour=settings.requests_per_hour,
            sleep=simulated.sleep,
            now_ms=simulated.now_ms,
        )
        self._time = simulated
        self.longest: Counter[Priority] = Counter()

    async def acquire(self, priority: Priority, *, within_s: float | None = None) -> float:
        waited = await super().acquire(priority, within_s=within_s)
        self.longest[priority] = max(self.longest[priority], round(waited))
        return waited

    async def _run(self, work: Callable[..., T], *arguments: Any) -> T:
        self._time.busy += 1
        try:
            return await super()._run(work, *arguments)
        finally:
            self._time.busy -= 1


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
        self.emulator = Emulator(
            EmulatorSettings(tasks=tasks, repositories=repositories, live_runs=20, start=START, speed=0, events=0.1)
        )
        self.home = home
        self.first_load_tasks = first_load_tasks
        self.tell = tell
        self.rng = random.Random(1)
        self.passes: Counter[tuple[str, str]] = Counter()

    def run(self) -> Outcome:
        """Live through it."""
        with self.emulator:
            return asyncio.run(self._run())

    async def _run(self) -> Outcome:
        began = time.monotonic()
        self.time = Time(self.emulator)
        settings = Settings(
            host=self.emulator.url,
            api_key=self.emulator.api_key,
            project_ids=(1,),
            home=self.home,
            capture_seconds=0.1,
            log_settle_s=0,
            first_load_tasks=self.first_load_tasks,
        )
        async with Timed(settings, self.time) as client:
            self.context = Context(settings, 1, client, open_warehouse(settings), now=self.time.now)
            await self.time.run([self._changes(), *(self._every(name, *when) for name, when in EVERY_S.items())])
            requests = self.emulator.requests()
            longest = {priority.name: seconds for priority, seconds in client.purse.longest.items()}
            await self.time.run([RESOURCES["tasks"](self.context)])
        due = len(self._rows("SELECT * FROM main.repositories WHERE absent_since IS NULL")) * 3
        return Outcome(
            requests=requests,
            longest=longest,
            passes=self.passes,
            stale=self._stale(),
            readiness=(self._rows("SELECT count(*) FROM raw.readiness_snapshots")[0][0], due),
            seconds=time.monotonic() - began,
        )

    async def _every(self, resource: str, first_s: float, every_s: float) -> None:
        await self.time.sleep(first_s)
        while (began := self.time.us) < self.hours * 3.6e9:
            report = await RESOURCES[resource](self.context)
            self.passes[(resource, report.verdict)] += 1
            self.tell(f"{self.time.now():%d %H:%M}  {resource}: {report.verdict}, {report.requests} requests")
            await self.time.sleep(max(1.0, every_s - (self.time.us - began) / 1e6))

    async def _changes(self) -> None:
        """Every minute a new task with a run, and a new run of an old task."""
        tasks = [task["id"] for task in self.emulator.truth(runs=False)["tasks"]]
        while self.time.us < self.hours * 3.6e9:
            await asyncio.to_thread(self.emulator.mutate, "new_task", run=True)
            await asyncio.to_thread(self.emulator.mutate, "new_run", task_id=self.rng.choice(tasks))
            await self.time.sleep(CHANGES_S)

    def _stale(self) -> int:
        held = self._rows("SELECT task_id, title, latest_run_id FROM main.tasks WHERE absent_since IS NULL")
        truth = self.emulator.truth(runs=False)["tasks"]
        return len(set(held) ^ {(task["id"], task["title"], task["latest_run_id"]) for task in truth})

    def _rows(self, text: str) -> list[tuple[Any, ...]]:
        with self.context.warehouse.transaction("reading") as connection:
            return connection.execute(text).fetchall()


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
