"""The request budget of a key: who waits for room in its windows."""

import asyncio
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self, TypeVar

from taskhouse.errors import Throttled
from taskhouse.posthog.budget import key_windows
from taskhouse.posthog.budget.key_windows import KeyWindows
from taskhouse.posthog.budget.limits import Priority
from taskhouse.posthog.retry import come_back
from taskhouse.settings import Settings

T = TypeVar("T")


class Budget:
    """Room in the windows of one key, for the tasks of one event loop; those of a class take it in turn.

    ``waits`` is called with the seconds for which a request waits for room.
    """

    def __init__(self, windows: KeyWindows) -> None:
        self.windows = windows
        self.waits: Callable[[float], None] = lambda _: None
        self._turns = {priority: asyncio.Lock() for priority in Priority}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="taskhouse-budget")

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The budget of the key of these settings."""
        return cls(KeyWindows.of(settings))

    async def acquire(self, priority: Priority, *, within_s: float | None = None) -> float:
        """Wait for one request's room and take it; the seconds waited.

        Args:
            priority: Class of the request.
            within_s: Longest wait that makes sense; None waits as long as it takes, at most an hour a window.

        Raises:
            Throttled: Room comes later than ``within_s``.
            Corrupt: The budget's file cannot be read.
        """
        if not self.windows.on:
            return 0.0
        clock, waited = self.windows.clock, 0.0
        async with self._turns[priority]:
            while (wait := await self._run(self.windows.take, priority)) > 0:
                if within_s is not None and waited + wait > within_s:
                    until = come_back(wait, now=clock.now())
                    raise Throttled(
                        f"The request budget has no room for {priority.name.lower()} requests before {until}.",
                        retry_after_s=wait,
                    )
                if self.windows.outage:
                    wait = min(wait, key_windows.AGAIN_S)  # what is shared may answer by then
                wait += random.random() * 0.01
                self.waits(wait)
                await clock.sleep(wait)
                waited += wait
        return waited

    async def doubt(self) -> str:
        """Why the shared windows may forget what was used, or cannot be asked; empty if neither is so."""
        return await self._run(self.windows.doubt)

    async def close(self) -> None:
        """Close the file and the connection."""
        await self._run(self.windows.close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)
