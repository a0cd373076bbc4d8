"""Clocks that tests choose."""

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta

from taskhouse.clock import REAL, Clock


class Told(Clock):
    """Real time, but that the present moment is what a function says."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now()


class LoopClock(Clock):
    """The time of an event loop, which may be virtual, from a moment on; from now unless another is given."""

    def __init__(self, start: datetime | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._began, self._start = self._loop.time(), start or REAL.now()

    def now(self) -> datetime:
        return self._start + timedelta(seconds=self._loop.time() - self._began)

    def monotonic(self) -> float:
        return self._loop.time()
