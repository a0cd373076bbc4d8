"""The one request budget of a key, shared by every process on this machine.

The server allows a key 480 requests a minute and 4,800 an hour over all endpoints together (API facts 1.6). Streams,
logs, polling and sweeps draw on that one purse, so each class of request has a *ceiling*: the share of both windows
that may be full, whoever filled them, for the class still to be served. What lies above a class's ceiling is reserved
for the classes above it.

================  =======  ==========================================================================
class             ceiling  what it is
================  =======  ==========================================================================
``LIVE``             100%  opening and resuming run streams: events not read now may be gone for ever
``LOG``               85%  logs, which expire after 30 days
``CHANGES``           75%  tasks and runs that change now
``READINESS``         60%  the day's readiness answers
``SWEEP``             45%  slow full passes, which can wait
``FIRST``             35%  the first load of runs and logs, which takes days beside all others
================  =======  ==========================================================================

The windows live in SQLite under a file lock (pyrate-limiter's bucket), stamped with the time of day, so they survive
restarts. The server's 429 stays the truth: others may use the key.
"""

import asyncio
import hashlib
import random
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

from pyrate_limiter import Rate, RateItem
from pyrate_limiter.abstracts.algorithm import Decision
from pyrate_limiter.buckets import SQLiteBucket

from taskhouse.advice import advised
from taskhouse.clock import REAL, Clock
from taskhouse.errors import Corrupt, Throttled
from taskhouse.posthog.retry import come_back

MINUTE_MS = 60_000
HOUR_MS = 3_600_000
_TIDY_EVERY = 500

T = TypeVar("T")


class Priority(Enum):
    """Class of a request, by the share of both windows that may be full for it to be served."""

    LIVE = 1.0
    LOG = 0.85
    CHANGES = 0.75
    READINESS = 0.6
    SWEEP = 0.45
    FIRST = 0.35


@dataclass(frozen=True, slots=True)
class Window:
    """One window of the budget: requests ``used`` in the last ``seconds``, of ``limit``; 0 means unlimited."""

    seconds: int
    used: int
    limit: int


def fingerprint(key: str) -> str:
    """A name for a key that does not reveal it: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(key.encode()).hexdigest()[:16]


def rates(per_minute: int, per_hour: int, share: float = 1.0) -> list[Rate]:
    """The limits of one class, as the bucket wants them; a limit that another one implies is left out."""
    minute, hour = (max(1, int(limit * share)) if limit else 0 for limit in (per_minute, per_hour))
    found = []
    if minute and not (hour and hour <= minute):
        found.append(Rate(minute, MINUTE_MS))
    if hour and not (minute and hour >= minute * 60):
        found.append(Rate(hour, HOUR_MS))
    return found


class Budget:
    """The windows of one key, for the tasks of one event loop; other processes open the same file."""

    def __init__(
        self,
        path: Path,
        key: str,
        *,
        per_minute: int,
        per_hour: int,
        clock: Clock = REAL,
    ) -> None:
        self._path = path
        self._table = f"key_{fingerprint(key)}"
        self._limits = (per_minute, per_hour)
        self._clock = clock
        self._buckets: dict[Priority, SQLiteBucket] = {}
        self._turns = {priority: asyncio.Lock() for priority in Priority}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="taskhouse-budget")
        self._granted = 0

    @property
    def on(self) -> bool:
        """Whether there is any limit at all."""
        return any(self._limits)

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
                wait += random.random() * 0.01
                await self._clock.sleep(wait)
                waited += wait
        return waited

    async def peek(self) -> tuple[Window, ...]:
        """How full each window is, the minute first; reading it costs nothing."""
        return await self._run(self._peek) if self.on else ()

    async def close(self) -> None:
        """Close the file."""
        if self.on:
            await self._run(self._close)
        self._thread.shutdown(wait=False)

    async def _run(self, work: Callable[..., T], *args: Any) -> T:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work, *args)
        except sqlite3.DatabaseError as wrong:
            raise advised(wrong) or Corrupt(
                f"The request budget {self._path} cannot be read: {wrong}.",
                hint=f"Delete {self._path}; only the last hour's count is lost.",
            ) from None

    def _take(self, priority: Priority) -> float:
        bucket = self._bucket(priority)
        now = self._now_ms()
        decision = bucket.put_decision(RateItem(priority.name, now))
        if isinstance(decision, Decision) and decision.allowed:
            self._granted += 1
            if self._granted % _TIDY_EVERY == 0:
                self._tidy(bucket)
            return 0.0
        wait = decision.retry_after_ms if isinstance(decision, Decision) else None
        return max(wait or 0, 5) / 1000

    def _now_ms(self) -> int:
        return self._clock.now_us() // 1000

    def _peek(self) -> tuple[Window, ...]:
        bucket = self._bucket(Priority.LIVE)
        count = f"SELECT count(*) FROM '{self._table}' WHERE item_timestamp >= ?"  # noqa: S608 - our own hex name
        with bucket.lock:
            return tuple(
                Window(span // 1000, bucket.conn.execute(count, (self._now_ms() - span,)).fetchone()[0], limit)
                for span, limit in zip((MINUTE_MS, HOUR_MS), self._limits, strict=True)
            )

    def _bucket(self, priority: Priority) -> SQLiteBucket:
        if priority not in self._buckets:
            allowed = rates(*self._limits, priority.value)
            if self._buckets:
                first = next(iter(self._buckets.values()))
                self._buckets[priority] = SQLiteBucket(allowed, first.conn, self._table, lock=first.lock)
            else:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                bucket = SQLiteBucket.init_from_file(allowed, self._table, str(self._path), use_file_lock=True)
                self._buckets[priority] = bucket
                self._tidy(bucket)
        return self._buckets[priority]

    def _tidy(self, bucket: SQLiteBucket) -> None:
        """Delete entries that no window counts, and entries in the future, which a clock that was set back leaves."""
        now = self._now_ms()
        with bucket.lock:
            for where, bound in (("<", now - HOUR_MS), (">", now + MINUTE_MS)):
                bucket.conn.execute(
                    f"DELETE FROM '{self._table}' WHERE item_timestamp {where} ?",  # noqa: S608 - our own hex name
                    (bound,),
                )
            bucket.conn.commit()

    def _close(self) -> None:
        for bucket in [*self._buckets.values()][:1]:
            bucket.conn.close()
        self._buckets.clear()
