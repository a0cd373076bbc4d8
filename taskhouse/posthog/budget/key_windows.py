"""The windows of a key: those that shards share while they answer, otherwise this machine's own."""

import contextlib
import logging
import math
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self, TypeVar

from taskhouse.advice import advised
from taskhouse.clock import REAL, Clock
from taskhouse.errors import Corrupt
from taskhouse.plural import counted
from taskhouse.posthog.budget.file_windows import FileWindows
from taskhouse.posthog.budget.limits import MINUTE_MS, Limits, Priority, Window, fingerprint
from taskhouse.posthog.budget.store import SharedStore, Unreachable
from taskhouse.settings import Settings

if TYPE_CHECKING:
    from pyrate_limiter import Rate

_LOG = logging.getLogger("taskhouse")
AGAIN_S = 15.0
"""How long after a store did not answer it is asked again."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Outage:
    why: str
    again_at: float


class KeyWindows:
    """The windows of one key; other processes open the same file or address.

    If the address does not answer, this machine uses its own part of what is reserved for that, and asks again.
    Everything blocks, and is called from one thread at a time. Without a limit it is not ``on``, and nothing is taken.
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
        self.clock = clock
        self._shared = _shared(address, name, limits.shared()) if address and self.on else None
        self._own = FileWindows(path, name, limits.cut_off(shards) if self._shared else limits, clock)
        self._outage: _Outage | None = None

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The windows of the key of these settings."""
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
        """Where shards share them, without user and password; empty if this machine has them alone."""
        return self._shared.place if self._shared else ""

    @property
    def outage(self) -> str:
        """Why the shared windows could not be asked at the last try; empty if they answered."""
        return self._outage.why if self._outage else ""

    @property
    def least(self) -> str:
        """What this machine may make on its own at least, in words: everything, if it shares with nobody."""
        return " and ".join(
            f"{counted(rate.limit, 'request', 'requests')} in {_minutes(rate)}"
            for rate in self._own.limits.rates(Priority.LIVE)
        )

    def take(self, priority: Priority) -> float:
        """Take one request's room; 0 if there was some, otherwise the seconds until there may be.

        Raises:
            Corrupt: The file of this machine cannot be read.
        """
        return self._first(lambda store: store.take(priority), lambda: self._own.take(priority))

    def peek(self) -> tuple[Window, ...]:
        """How full each window is, the minute first; reading it costs nothing.

        Raises:
            Corrupt: The file of this machine cannot be read.
        """
        return self._first(lambda store: store.peek(), self._own.peek) if self.on else ()

    def doubt(self) -> str:
        """Why the shared windows may forget what was used, or cannot be asked; empty if neither is so."""
        return self._first(lambda store: store.doubt(), lambda: self.outage)

    def close(self) -> None:
        """Close the file and the connection."""
        self._own.close()
        if self._shared:
            self._shared.close()

    def _first(self, asked: Callable[[SharedStore], T], otherwise: Callable[[], T]) -> T:
        """What the shared store says; what is ours, if there is none or it does not answer."""
        store = self._shared
        if store is None or (self._outage and self.clock.monotonic() < self._outage.again_at):
            return self._ours(otherwise)
        try:
            found = _asked(store, asked, tries=1 if self._outage else 2)
        except Unreachable as problem:
            if self._outage is None:
                _LOG.warning(
                    "The request budget %s does not answer (%s). Until it does, this shard makes at most %s.",
                    *(store.place, problem, self.least),
                )
            self._outage = _Outage(str(problem), self.clock.monotonic() + AGAIN_S)
            return self._ours(otherwise)
        if self._outage:
            _LOG.warning("The request budget %s answers again.", store.place)
        self._outage = None
        return found

    def _ours(self, work: Callable[[], T]) -> T:
        try:
            return work()
        except sqlite3.DatabaseError as wrong:
            path = self._own.place
            raise advised(wrong) or Corrupt(
                f"The request budget {path} cannot be read: {wrong}.",
                hint=f"Delete {path}; only the last hour's count is lost.",
            ) from None


def _shared(address: str, name: str, limits: Limits) -> SharedStore:
    from taskhouse.posthog.budget.address import shared_store  # noqa: PLC0415 - with what few machines need

    return shared_store(address, name, limits)


def _asked(store: SharedStore, asked: Callable[[SharedStore], T], *, tries: int) -> T:
    """What a store says. A server that was started again has ended the old connection, so the first try may fail."""
    for _ in range(tries - 1):
        with contextlib.suppress(Unreachable):
            return asked(store)
    return asked(store)


def _minutes(rate: "Rate") -> str:
    return counted(math.ceil(rate.interval / MINUTE_MS), "minute", "minutes")
