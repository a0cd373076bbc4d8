"""Clocks that tests choose."""

from collections.abc import Callable
from datetime import datetime

from taskhouse.clock import Clock


class GivenClock(Clock):
    """Real time, but that the present moment is what a function says."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now

    def now(self) -> datetime:
        return self._now()
