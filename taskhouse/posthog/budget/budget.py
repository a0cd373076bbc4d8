"""The request budget of a key: who waits for room, and where its windows are kept."""

import asyncio
import contextlib
import logging
import math
import random
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, TypeVar

from pyrate_limiter import Rate

from taskhouse.advice import advised
from taskhouse.clock import REAL, Clock
from taskhouse.errors import Corrupt, Throttled
from taskhouse.plural import counted
from taskhouse.posthog.budget.address import shared_store
from taskhouse.posthog.budget.file_windows import FileWindows
from taskhouse.posthog.budget.limits import MINUTE_MS, Limits, Priority, Window, fingerprint
from taskhouse.posthog.budget.store import SharedStore, Unreachable
from taskhouse.posthog.retry import come_back
from taskhouse.settings import Settings

_LOG = logging.getLogger("taskhouse")
AGAIN_S = 15.0
"""How long after a store did not answer it is asked again; nobody sleeps longer until it does."""

HUNG_S = 6.0
"""From then on a store that took a question does not answer it; its own time limits are shorter."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Outage:
    why: str
    again_at: float


class Budget:
    """The windows of one key, for the tasks of one event loop; other processes open the same file or address.

    ``waits`` is called with the seconds for which a request waits for room.

    If the address does not answer, this machine uses its own part of what is reserved for that, and asks again.
    """

    def __init__(
        self,
        path: Path,
        key: str,
        *,
        per_minute: int,
        per_hour: int,
        clock: Clock = REAL,
        address: str = "",
        shards: int = 1,
    ) -> None:
        limits = Limits(per_minute, per_hour)
        name = f"key_{fingerprint(key)}"
        self.on = any((per_minute, per_hour))
        self.waits: Callable[[float], None] = lambda _: None
        self._shared: SharedStore | None = shared_store(address, name, limits.shared()) if address and self.on else None
        own = limits.cut_off(shards) if self._shared else limits
        self._own = FileWindows(path, name, own, clock)
        self._clock = clock
        self._outage: _Outage | None = None
        self._turns = {priority: asyncio.Lock() for priority in Priority}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="taskhouse-budget")

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The budget of the key of these settings."""
        return cls(
            settings.budget_file,
            settings.key().strip(),
            per_minute=settings.requests_per_minute,
            per_hour=settings.requests_per_hour,
            clock=settings.clock,
            address=settings.budget.get_secret_value() if settings.budget else "",
            shards=settings.budget_shards,
        )

    @property
    def shared_at(self) -> str:
        """Where shards share it, without user and password; empty if this machine has it alone."""
        return self._shared.place if self._shared else ""

    @property
    def outage(self) -> str:
        """Why the shared budget could not be asked at the last try; empty if it answered."""
        return self._outage.why if self._outage else ""

    @property
    def least(self) -> str:
        """What this machine may make on its own at least, in words: everything, if it shares with nobody."""
        return " and ".join(
            f"{counted(rate.limit, 'request', 'requests')} in {_minutes(rate)}"
            for rate in self._own.limits.rates(Priority.LIVE)
        )

    async def acquire(self, priority: Priority, *, within_s: float | None = None) -> float:
        """Wait for one request's room and take it; the seconds waited.

        Args:
            priority: Class of the request.
            within_s: Longest wait that makes sense; None waits as long as it takes, at most an hour a window.

        Raises:
            Throttled: Room comes later than ``within_s``.
            Corrupt: The budget's file cannot be read.
        """
        if not self.on:
            return 0.0
        waited = 0.0
        async with self._turns[priority]:
            while (wait := await self._run(self._take, priority)) > 0:
                if within_s is not None and waited + wait > within_s:
                    until = come_back(wait, now=self._clock.now())
                    raise Throttled(
                        f"The request budget has no room for {priority.name.lower()} requests before {until}.",
                        retry_after_s=wait,
                    )
                wait = min(wait, AGAIN_S) if self._outage else wait
                wait += random.random() * 0.01
                self.waits(wait)
                await self._clock.sleep(wait)
                waited += wait
        return waited

    async def peek(self) -> tuple[Window, ...]:
        """How full each window is, the minute first; reading it costs nothing."""
        return await self._run(self._peek) if self.on else ()

    async def doubt(self) -> str:
        """Why the shared budget may forget what was used, or cannot be asked; empty if neither is so."""
        return await self._run(self._doubt) if self._shared else ""

    async def close(self) -> None:
        """Close the file and the connection."""
        if self.on:
            await self._run(self._close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        loop = asyncio.get_running_loop()
        limit = loop.call_later(HUNG_S, self._shared.abandon) if self._shared else None
        try:
            return await loop.run_in_executor(self._thread, work, *args)
        except sqlite3.DatabaseError as wrong:
            path = self._own.place
            raise advised(wrong) or Corrupt(
                f"The request budget {path} cannot be read: {wrong}.",
                hint=f"Delete {path}; only the last hour's count is lost.",
            ) from None
        finally:
            if limit:
                limit.cancel()

    def _take(self, priority: Priority) -> float:
        return self._first(lambda store: store.take(priority), lambda: self._own.take(priority))

    def _peek(self) -> tuple[Window, ...]:
        return self._first(lambda store: store.peek(), self._own.peek)

    def _doubt(self) -> str:
        return self._first(lambda store: store.doubt(), lambda: self.outage)

    def _first(self, asked: Callable[[SharedStore], T], otherwise: Callable[[], T]) -> T:
        """What the shared store says; what is ours, if there is none or it does not answer."""
        store = self._shared
        if store is None or (self._outage and self._clock.monotonic() < self._outage.again_at):
            return otherwise()
        try:
            found = _asked(store, asked, tries=1 if self._outage else 2)
        except Unreachable as problem:
            if self._outage is None:
                _LOG.warning(
                    "The request budget %s does not answer (%s). Until it does, this shard makes at most %s.",
                    *(store.place, problem, self.least),
                )
            self._outage = _Outage(str(problem), self._clock.monotonic() + AGAIN_S)
            return otherwise()
        if self._outage:
            _LOG.warning("The request budget %s answers again.", store.place)
        self._outage = None
        return found

    def _close(self) -> None:
        self._own.close()
        if self._shared:
            self._shared.close()


def _asked(store: SharedStore, asked: Callable[[SharedStore], T], *, tries: int) -> T:
    """What a store says. A server that was started again has ended the old connection, so the first try may fail."""
    for _ in range(tries - 1):
        with contextlib.suppress(Unreachable):
            return asked(store)
    return asked(store)


def _minutes(rate: Rate) -> str:
    return counted(math.ceil(rate.interval / MINUTE_MS), "minute", "minutes")
