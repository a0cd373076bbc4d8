"""The clock that everything asks: what time it is, how much time has passed, and waiting.

The settings carry it, and hand it down to the client, the warehouse and the spool. It is real unless somebody chose
another one, so that weeks of history can be lived in seconds. Nothing else reads the wall clock; what may, since it is
about processes of this machine and not about history, is listed in ``pyproject.toml``.

Timeouts of connections are kept by the event loop, so a clock that runs faster than real time belongs to an event loop
that does.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class Clock:
    """Real time; another clock is a subclass."""

    def now(self) -> datetime:
        """The present moment, aware and in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds since some moment; never set back."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Wait for the given number of seconds."""
        await asyncio.sleep(seconds)

    def now_us(self) -> int:
        """The present moment in whole microseconds since 1970."""
        return (self.now() - _EPOCH) // timedelta(microseconds=1)


class StoppedClock(Clock):
    """A clock on which it is always the same moment."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    def now(self) -> datetime:
        """That moment."""
        return self._moment


class LoopClock(Clock):
    """The time of an event loop, which may be virtual, from a moment on; from now unless another is given."""

    def __init__(self, start: datetime | None = None) -> None:
        self._loop = asyncio.get_running_loop()
        self._began, self._start = self._loop.time(), start or REAL.now()

    def now(self) -> datetime:
        """The present moment, aware and in UTC."""
        return self._start + timedelta(seconds=self._loop.time() - self._began)

    def monotonic(self) -> float:
        """Seconds since some moment; never set back."""
        return self._loop.time()


REAL = Clock()
