"""Wait for one thing at a time, with a time limit, and only until the caller wants to stop.

One timeout scope for each wait serves both: the watchdog is its deadline, and a stop moves that deadline to now. It
costs a few microseconds, where a task for each read would cost ten times that.
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
            async with asyncio.timeout(seconds) as self._scope:
                return await work
        except TimeoutError:
            if self._stop is not None and self._stop.is_set():
                raise Stopped from None
            raise
        finally:
            self._scope = None

    def close(self) -> None:
        """Stop listening for the stop."""
        if self._watcher is not None:
            self._watcher.cancel()
