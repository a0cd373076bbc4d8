"""Wait for one thing at a time, with a time limit, and only until the caller wants to stop.

One timeout scope for each wait serves both: when the time is over, or the caller wants to stop, its deadline becomes
now. It costs a few microseconds, where a task for each read would cost ten times that. The timer is not set anew for
each wait: when it goes off it looks at the limit of the present one, and is set to that if it is later.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class Stopped(Exception):
    """The caller set the stop event."""


class Patience:
    """The waits of one task; once ``stop`` is set, the current wait and all later ones end."""

    def __init__(self, stop: asyncio.Event | None) -> None:
        self._stop = stop
        self._scope: asyncio.Timeout | None = None
        self._limit_s: float | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._watcher = asyncio.create_task(self._watch(stop)) if stop is not None else None

    async def _watch(self, stop: asyncio.Event) -> None:
        await stop.wait()
        if self._scope is not None and not self._scope.expired():
            self._scope.reschedule(0)

    async def wait(self, work: Coroutine[Any, Any, T], seconds: float | None = None) -> T:
        """The result of ``work``.

        Raises:
            TimeoutError: It took longer than ``seconds``.
            Stopped: The caller wants to stop.
        """
        if self._stop is not None and self._stop.is_set():
            work.close()
            raise Stopped
        try:
            async with asyncio.timeout(None) as self._scope:
                self._limit(seconds)
                return await work
        except TimeoutError:
            if self._stop is not None and self._stop.is_set():
                raise Stopped from None
            raise
        finally:
            self._scope = self._limit_s = None

    def _limit(self, seconds: float | None) -> None:
        """Let the present wait end after a number of seconds, or never by itself if that is None."""
        if seconds is None:
            return
        loop = asyncio.get_running_loop()
        self._limit_s = loop.time() + seconds
        if self._timer is None or self._timer.when() > self._limit_s:
            if self._timer is not None:
                self._timer.cancel()
            self._timer = loop.call_at(self._limit_s, self._look, loop)

    def _look(self, loop: asyncio.AbstractEventLoop) -> None:
        """End the present wait if it is time, or look again when it will be."""
        self._timer = None
        if self._scope is None or self._limit_s is None or self._scope.expired():
            return
        if self._limit_s > loop.time():
            self._timer = loop.call_at(self._limit_s, self._look, loop)
        else:
            self._scope.reschedule(0)

    def close(self) -> None:
        """Stop listening for the stop."""
        if self._watcher is not None:
            self._watcher.cancel()
        if self._timer is not None:
            self._timer.cancel()
