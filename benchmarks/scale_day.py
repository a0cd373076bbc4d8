"""A day of one key and of the machine that uses it, on the virtual clock: who waits, and for what.

What decides is the code that decides in production: the budget with its classes (``Budget``), which tasks a tick
requests (``polling_policy``), which streams and logs a pass reads (``plan_capture``), the times of the schedules, the
rests of ``pipelines/rest.py``, and how many requests a pass takes (``estimate``). The server's throttle is the
emulator's. A world of projects stands for PostHog: it only says when runs begin and end. Dagster is a pool for each
resource and a number of processors, of which each of its runs takes what was measured.
"""

import asyncio
import contextlib
import math
import random
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from taskhouse.capture.capture_schedule import plan_capture
from taskhouse.clock import LoopClock
from taskhouse.emulator.state.throttle import Throttle
from taskhouse.emulator.virtual import VirtualLoop
from taskhouse.errors import Throttled
from taskhouse.passes import polling_policy
from taskhouse.passes.sync_pass import ROOM_S as FIRST_S
from taskhouse.pipelines.rest import AT_LEAST_EVERY, STILL_FOR
from taskhouse.pipelines.sensors import EVERY_S
from taskhouse.posthog.budget import Budget, KeyWindows, Priority
from taskhouse.resources.estimate import SOONER, SUMMARIES, TICK, rotation_pages
from taskhouse.resources.tasks.rotation import ROOM_S
from taskhouse.settings import Settings

START = datetime(2026, 11, 25, tzinfo=UTC)
DAY_S = 86_400
WORK = (1, 1, 1, 1, 1, 1, 2, 4, 8, 11, 12, 11, 9, 10, 12, 11, 10, 8, 5, 4, 3, 2, 2, 1)
"""How the runs of a day are spread over its hours."""

LATENCY_S = 0.15
FINAL = timedelta(minutes=10)
CAPTURE_S = 60.0
SWEEP_S = DAY_S / 4
"""How often the tasks that were not seen lately are requested by name, in one pass."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What a shard is.

    Attributes:
        cores: Processors.
        pool: Passes of one resource at the same time (``concurrency.pools.default_limit``).
        run_s: Processor seconds of one Dagster run.
        tick_s: How often tasks, runs and run events are due.
    """

    cores: int = 4
    pool: int = 16
    run_s: float = 2.4
    tick_s: int = 300


@dataclass(slots=True)
class Project:
    """A project: when its runs begin and end in truth, and what is known of them."""

    truth: list[tuple[float, float]]
    tasks_held: int
    repositories: int
    seen: int = 0
    runs: dict[int, dict[str, Any]] = field(default_factory=dict)
    watched: dict[int, dict[str, Any]] = field(default_factory=dict)
    changed: int = 0
    moved_at: float = -math.inf
    stirred: bool = False
    sweep_s: float = 0.0
    pages: float = 0.0


@dataclass(slots=True)
class Outcome:
    """What a day came to: counts, and the lags in seconds by class."""

    asked: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    lags: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    waits: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    passes: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    runs: int = 0
    unread: int = 0


def project(dice: random.Random, runs_a_day: float) -> Project:
    """A project that runs so much a day on average."""
    count = max(0, round(dice.gauss(runs_a_day, math.sqrt(runs_a_day))))
    begins = sorted(hour * 3600 + dice.random() * 3600 for hour in dice.choices(range(24), WORK, k=count))
    truth = [(at, at + dice.lognormvariate(math.log(360), 0.9)) for at in begins]
    return Project(
        truth, tasks_held=int(20 * runs_a_day) + 50, repositories=dice.randint(1, 12), sweep_s=dice.random() * SWEEP_S
    )


class Day:
    """One day of one key on one machine."""

    def __init__(self, folder: Path, projects: list[Project], machine: Machine, settings: Settings) -> None:
        self.projects = projects
        self.machine = machine
        self.settings = settings
        self.folder = folder
        self.outcome = Outcome(runs=sum(len(each.truth) for each in projects))

    def run(self) -> Outcome:
        """Live through it."""
        with asyncio.Runner(loop_factory=lambda: VirtualLoop(threads=False)) as runner:
            return runner.run(self._run())

    async def _run(self) -> Outcome:
        self.clock = LoopClock(START)
        per_minute, per_hour = self.settings.requests_per_minute, self.settings.requests_per_hour
        self.budget = Budget(
            KeyWindows(self.folder / "budget.sqlite", "key", per_minute=per_minute, per_hour=per_hour, clock=self.clock)
        )
        self.throttle = Throttle(self.clock, ((per_minute, 60), (per_hour, 3600)))  # type: ignore[arg-type]
        self.cores = asyncio.Semaphore(self.machine.cores)
        self.pools = {
            name: asyncio.Semaphore(self.machine.pool) for name in ("tasks", "runs", "run_events", "readiness")
        }
        self.busy: set[tuple[str, int]] = set()
        self.running: set[asyncio.Task[None]] = set()
        ticks = [
            asyncio.create_task(self._schedule(name, first, every))
            for name, first, every in (
                ("tasks", 0, self.machine.tick_s),
                ("runs", 60, self.machine.tick_s),
                ("run_events", 120, self.machine.tick_s),
                ("readiness", 1020, DAY_S),
            )
        ]
        await asyncio.gather(*ticks, self._sensor())
        for task in [*self.running]:
            task.cancel()
        await self.budget.close()
        return self.outcome

    def now_s(self) -> float:
        """Seconds of the day."""
        return (self.clock.now() - START).total_seconds()

    async def _schedule(self, name: str, first: float, every: float) -> None:
        """A run for each project at each tick, unless the last one has not ended or nothing changes."""
        await self.clock.sleep(first)
        last: dict[int, float] = {}
        while (now := self.now_s()) < DAY_S:
            for number, each in enumerate(self.projects):
                if (name, number) in self.busy:
                    self.outcome.skipped[name] += 1
                elif not self._rests(name, each, now, last.get(number, -math.inf)):
                    last[number] = now
                    self._start(name, number, each)
            await self.clock.sleep(every - (self.now_s() - now))

    async def _sensor(self) -> None:
        """Run events of a project as soon as a pass saw a run begin or end."""
        while self.now_s() < DAY_S:
            await self.clock.sleep(EVERY_S)
            for number, each in enumerate(self.projects):
                if each.stirred and ("run_events", number) not in self.busy:
                    each.stirred = False
                    self._start("run_events", number, each)

    def _start(self, name: str, number: int, each: Project) -> None:
        self.busy.add((name, number))
        task = asyncio.create_task(self._pass(name, number, each))
        self.running.add(task)
        task.add_done_callback(self.running.discard)

    def _rests(self, name: str, each: Project, now: float, last: float) -> bool:
        if name not in {"runs", "run_events"}:
            return False
        return now - each.moved_at > STILL_FOR.total_seconds() and now - last < AT_LEAST_EVERY.total_seconds()

    async def _pass(self, name: str, number: int, each: Project) -> None:
        async with self._dagster(name):
            await getattr(self, f"_{name}")(each)
        self.busy.discard((name, number))
        self.outcome.passes[name] += 1

    @asynccontextmanager
    async def _dagster(self, name: str) -> AsyncIterator[None]:
        """A place in the pool, and what a run of Dagster costs before it works."""
        async with self.pools[name]:
            async with self.cores:
                await self.clock.sleep(self.machine.run_s)
            yield

    async def _ask(self, priority: Priority, times: int = 1, *, within_s: float | None = None) -> None:
        for _ in range(times):
            waited = await self.budget.acquire(priority, within_s=within_s)
            self.outcome.asked[priority.name] += 1
            self.outcome.waits[priority.name].append(waited)
            self.outcome.refused += self.throttle.wait_s("key") is not None
            await self.clock.sleep(LATENCY_S)

    async def _tasks(self, each: Project) -> None:
        """What moved, what is hot, and the share of the slow sweeps."""
        hot = polling_policy.tasks(each.watched.values(), self.clock.now())
        await self._ask(Priority.CHANGES, TICK + math.ceil(len(hot) / SUMMARIES))
        now, moment = self.now_s(), self.clock.now()
        for task_id in hot:
            each.watched.get(int(task_id), {})["last_seen_at"] = moment
        while each.seen < len(each.truth) and each.truth[each.seen][0] <= now:
            self._found(each, each.seen, moment)
            each.seen += 1
        for number, row in each.runs.items():
            begins_s, ends_s = each.truth[number]
            if row["status"] == "in_progress" and ends_s <= now:
                self._ended(each, number, moment, ends_s)
                self.outcome.lags["CHANGES"].append(now - ends_s)
            elif row["server_changed_at"] == row["created_at"] and row["seen_s"] == now:
                self.outcome.lags["CHANGES"].append(now - begins_s)
        each.pages += rotation_pages(each.tasks_held) * self.machine.tick_s / DAY_S
        with contextlib.suppress(Throttled):  # the next pass reads on where this one found no room
            while each.pages >= 1:
                await self._ask(Priority.SWEEP, within_s=ROOM_S)
                each.pages -= 1
        if now >= each.sweep_s:
            each.sweep_s += SWEEP_S
            await self._ask(Priority.SWEEP, math.ceil(each.tasks_held / SUMMARIES * SOONER * SWEEP_S / DAY_S))

    def _found(self, each: Project, number: int, moment: datetime) -> None:
        began = START + timedelta(seconds=each.truth[number][0])
        each.runs[number] = {
            **dict.fromkeys(("scheduled_at", "stream_state", "stream_read_at", "stream_since", "stream_position")),
            **dict.fromkeys(("stream_leg", "stream_checksum", "log_state", "log_read_at", "log_since", "completed_at")),
            "run_id": str(number),
            "task_id": str(number),
            "resume_from_run_id": None,
            "log_position": 1,
            "status": "in_progress",
            "created_at": began,
            "changed_at": began,
            "server_changed_at": began,
            "task_seen_at": moment,
            "seen_s": self.now_s(),
        }
        each.watched[number] = {
            "task_id": str(number),
            "pr_open": False,
            "latest_run_status": "in_progress",
            "scheduled_at": None,
            "changed_at": began,
            "last_seen_at": moment,
        }
        each.changed += 1
        each.moved_at, each.stirred = self.now_s(), True

    def _ended(self, each: Project, number: int, moment: datetime, ends_s: float) -> None:
        ended = START + timedelta(seconds=ends_s)
        each.runs[number] |= {"status": "completed", "completed_at": ended, "changed_at": ended}
        each.runs[number]["server_changed_at"] = ended
        each.watched[number] |= {"latest_run_status": "completed", "changed_at": ended, "last_seen_at": moment}
        each.changed += 1
        each.moved_at, each.stirred = self.now_s(), True

    async def _runs(self, each: Project) -> None:
        """The list of runs of each task that changed."""
        changed, each.changed = each.changed, 0
        await self._ask(Priority.CHANGES, changed)

    async def _run_events(self, each: Project) -> None:
        """Open streams for a minute; read the logs of what ended."""
        plan = plan_capture(
            each.runs.values(),
            self.clock.now(),
            parents={},
            most=self.settings.first_load_tasks,
            days=None,
            final=FINAL,
        )
        await asyncio.gather(
            *(self._stream(each, int(run.run_id)) for run in plan.streams),
            *(self._log(each, int(run.run_id), Priority.LOG) for run in plan.logs),
            *(self._first(each, int(run.run_id)) for run in plan.first),
        )
        for number in [number for number, row in each.runs.items() if row["log_state"] == "settled"]:
            if self.clock.now() - each.runs[number]["changed_at"] > polling_policy.GRACE:
                del each.runs[number]
        for number in [number for number, row in each.watched.items() if self._cold(row)]:
            del each.watched[number]

    def _cold(self, row: dict[str, Any]) -> bool:
        over = row["latest_run_status"] in polling_policy.TERMINAL
        return over and self.clock.now() - row["changed_at"] > 2 * polling_policy.GRACE

    async def _stream(self, each: Project, number: int) -> None:
        await self._ask(Priority.LIVE)
        row, (begins_s, ends_s) = each.runs[number], each.truth[number]
        if row["stream_read_at"] is None:
            self.outcome.lags["LIVE"].append(self.now_s() - begins_s)
            self.outcome.unread += self.now_s() > ends_s + 1800
        row["stream_read_at"], row["stream_state"] = self.clock.now(), "live"
        await self.clock.sleep(max(0.5, min(CAPTURE_S, ends_s - self.now_s())))
        each.moved_at = self.now_s()
        row["stream_read_at"] = self.clock.now()
        row["stream_position"] = f"{int(self.clock.now().timestamp() * 1000)}-0"
        if self.now_s() >= ends_s:
            await self._ask(Priority.LIVE)
            if row["status"] == "in_progress":
                self._ended(each, number, self.clock.now(), ends_s)
            row["stream_state"], row["stream_read_at"] = "stream_end", self.clock.now()
            await self._log(each, number, Priority.LOG)

    async def _first(self, each: Project, number: int) -> None:
        with contextlib.suppress(Throttled):  # a later pass reads it
            await self._log(each, number, Priority.FIRST)

    async def _log(self, each: Project, number: int, priority: Priority) -> None:
        await self._ask(priority, within_s=FIRST_S if priority is Priority.FIRST else None)
        row, ends_s = each.runs[number], each.truth[number][1]
        if row["log_read_at"] is None and self.now_s() >= ends_s:
            self.outcome.lags["LOG"].append(self.now_s() - ends_s)
        row["log_read_at"] = self.clock.now()
        row["log_state"] = "settled" if self.now_s() >= ends_s + FINAL.total_seconds() else "drained"

    async def _readiness(self, each: Project) -> None:
        await self._ask(Priority.READINESS, each.repositories * len(self.settings.readiness_windows))
        self.outcome.lags["READINESS"].append(self.now_s())


def quantile(values: list[float], share: float) -> float:
    """The value below which such a share lies; 0 of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else 0.0
