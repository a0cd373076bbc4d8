"""The emulator's time: real, fast, or driven by a test."""

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_US = 1_000_000


class Clock:
    """Simulated time that runs at ``speed`` simulated seconds a real second.

    ``speed=1`` is real time, ``speed=60`` plays an hour in a minute, ``speed=0`` stands still until
    :meth:`advance`. Every wait inside the emulator goes through :meth:`sleep` or :meth:`wait_for`, so keepalives,
    rotation, cache ages, throttles and live runs all obey the same hand. Time is kept in whole microseconds: a
    driven clock lands exactly where it is put. ``ticks_ns`` counts the nanoseconds that are real to it.
    One clock serves one event loop; call :meth:`advance` and :meth:`set_speed` on that loop's thread.
    """

    def __init__(
        self,
        *,
        speed: float = 1.0,
        start: datetime | None = None,
        ticks_ns: Callable[[], int] = time.monotonic_ns,
    ) -> None:
        self._ticks_ns = ticks_ns
        self._base_us = ((start or datetime.now(UTC)) - _EPOCH) // timedelta(microseconds=1)
        self._anchor_ns = ticks_ns()
        self._speed = speed
        self._waits: dict[asyncio.Timeout, int] = {}

    @property
    def speed(self) -> float:
        """Simulated seconds per real second."""
        return self._speed

    def now_us(self) -> int:
        """The simulated moment as microseconds since the epoch."""
        return self._base_us + int((self._ticks_ns() - self._anchor_ns) * self._speed / 1000)

    def now(self) -> datetime:
        """The simulated moment, in UTC."""
        return _EPOCH + timedelta(microseconds=self.now_us())

    def http_date(self) -> str:
        """The simulated moment as a ``Date`` header: whole seconds, the rest cut off."""
        return format_datetime(self.now(), usegmt=True)

    def now_ms(self) -> int:
        """The simulated moment as milliseconds since the epoch, as Redis stamps ids."""
        return self.now_us() // 1000

    def next_wake_s(self) -> float | None:
        """Simulated seconds until the earliest wait runs out (never negative), or None when nobody waits."""
        if not self._waits:
            return None
        return max(0, min(self._waits.values()) - self.now_us()) / _US

    def advance(self, seconds: float) -> None:
        """Jump forward and wake every sleeper whose time has come."""
        self._rebase(self.now_us() + round(seconds * _US), self._speed)

    def set_speed(self, speed: float) -> None:
        """Go on from the present moment at another speed."""
        self._rebase(self.now_us(), speed)

    def _rebase(self, now_us: int, speed: float) -> None:
        self._base_us, self._anchor_ns, self._speed = now_us, self._ticks_ns(), speed
        for timer, until_us in self._waits.items():
            if not timer.expired():
                timer.reschedule(self._deadline(until_us))

    def _deadline(self, until_us: int) -> float | None:
        """The event loop's time for a simulated moment: None is never, the past is at once."""
        left_us = until_us - self.now_us()
        if left_us <= 0:
            return asyncio.get_running_loop().time()
        if self._speed <= 0:
            return None
        return asyncio.get_running_loop().time() + left_us / _US / self._speed

    async def sleep(self, seconds: float) -> None:
        """Sleep for simulated seconds; wakes early in real time when the clock is moved past the end."""
        await self.wait_for(None, seconds)

    async def wait_for(self, event: asyncio.Event | None, seconds: float) -> bool:
        """Wait until ``event`` is set (True) or ``seconds`` of simulated time have passed (False).

        The event wins a tie. Cancelling the caller cancels the wait.
        """
        until_us = self.now_us() + round(seconds * _US)
        while True:
            if event is not None and event.is_set():
                return True
            if self.now_us() >= until_us:
                return False
            timer = asyncio.timeout_at(self._deadline(until_us))
            try:
                async with timer:
                    self._waits[timer] = until_us
                    if event is None:
                        await asyncio.get_running_loop().create_future()
                    else:
                        await event.wait()
            except TimeoutError:
                continue  # the loop's timer may fire a hair early: look at the clock again
            finally:
                self._waits.pop(timer, None)
