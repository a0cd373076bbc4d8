"""A simulated day of one key, by the server's own throttle: never refused, and nobody starved."""

import asyncio
import heapq
import itertools
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from taskhouse.clock import Clock
from taskhouse.emulator.state.throttle import Throttle
from taskhouse.posthog.budget import Budget, KeyWindows, Priority
from taskhouse.resources.estimate import Facts, estimate
from taskhouse.settings import Settings

SCALE = 20
"""Every number of requests, the limits included, is divided by this, so that a day takes seconds."""

HOUR_S = 3600


class Time(Clock):
    """A clock that jumps to the next sleeper."""

    def __init__(self) -> None:
        self.us = 1_800_000_000_000_000
        self._waits: list[tuple[int, int, asyncio.Future[None]]] = []
        self._serial = itertools.count()

    def now_us(self) -> int:
        return self.us

    async def sleep(self, seconds: float) -> None:
        done = asyncio.get_running_loop().create_future()
        heapq.heappush(self._waits, (self.us + round(seconds * 1e6), next(self._serial), done))
        await done

    def jump(self) -> bool:
        if not self._waits:
            return False
        at, _, done = heapq.heappop(self._waits)
        self.us = max(self.us, at)
        done.set_result(None)
        return True


class Day:
    """Everything that asks in a day, the classes beside one another, against the server's two windows."""

    def __init__(self, path: Path) -> None:
        self.time = Time()
        self.throttle = Throttle(self.time, ((480 // SCALE, 60), (4800 // SCALE, HOUR_S)))  # type: ignore[arg-type]
        self.budget = Budget(
            KeyWindows(path / "budget.sqlite", "key", per_minute=480 // SCALE, per_hour=4800 // SCALE, clock=self.time)
        )
        self.refused = 0
        self.asked: Counter[Priority] = Counter()
        self.longest: Counter[Priority] = Counter()

    async def ask(self, priority: Priority) -> None:
        began = self.time.us
        await self.budget.acquire(priority)
        self.refused += self.throttle.wait_s("key") is not None
        self.asked[priority] += 1
        self.longest[priority] = max(self.longest[priority], (self.time.us - began) // 1_000_000)

    async def spread(self, priority: Priority, requests: int) -> None:
        """A number of them, evenly over the day."""
        for _ in range(requests):
            await self.time.sleep(24 * HOUR_S / requests)
            await self.ask(priority)

    async def burst(self, priority: Priority, requests: int, at_s: float) -> None:
        """A number of them at once."""
        await self.time.sleep(at_s)
        for _ in range(requests):
            await self.ask(priority)

    async def run(self, work: list[Any]) -> None:
        running = asyncio.gather(*work)
        while not running.done():
            for _ in range(3):
                await asyncio.sleep(0)
            self.time.jump()
        await running
        await self.budget.close()


@pytest.mark.slow
def test_a_day_of_100_000_tasks_and_1000_repositories(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts = Facts(tasks=100_000, known=100_000, hot=300, moved=2000, repositories=1000, streams=100)
    day = estimate(facts, Settings(host="http://localhost:1", home=tmp_path)).day
    simulated = Day(tmp_path)

    async def inline(work: Any, *arguments: Any) -> Any:
        return work(*arguments)

    monkeypatch.setattr(simulated.budget, "_run", inline)
    work: list[Any] = []
    for item in day.items:
        requests = max(1, item.requests // SCALE)
        if item.what == "readiness" or "sweeps" in item.what:
            work.append(simulated.burst(item.priority, requests, at_s=8 * HOUR_S))
        else:
            work.append(simulated.spread(item.priority, requests))
    work.append(simulated.burst(Priority.FIRST, 24 * 1680 // SCALE // 2, at_s=0))  # a first load of runs beside it all
    asyncio.run(simulated.run(work))
    assert simulated.refused == 0
    assert simulated.time.us - 1_800_000_000_000_000 < 30 * HOUR_S * 1e6
    assert simulated.longest[Priority.LIVE] <= 60
    assert simulated.longest[Priority.LOG] <= 60
    assert simulated.longest[Priority.CHANGES] <= 120
    assert simulated.asked.total() > 2000
