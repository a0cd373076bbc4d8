"""The windows in SQLite under a file lock (pyrate-limiter's bucket), stamped with this machine's time."""

import contextlib
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from taskhouse.clock import Clock
from taskhouse.posthog.budget import limits as spans
from taskhouse.posthog.budget.limits import Limits, Priority, Window

if TYPE_CHECKING:
    from pyrate_limiter.buckets import SQLiteBucket

_TIDY_EVERY = 500
_COUNT = """
SELECT count(*) FILTER (WHERE item_timestamp >= :minute), count(*)
FROM '{table}'
WHERE item_timestamp BETWEEN :hour AND :ahead
"""


class FileWindows:
    """What the processes of one machine share; raises ``sqlite3.DatabaseError`` if the file cannot be read.

    pyrate-limiter is imported when room is taken: to import it takes longer than to look how full the windows are.
    """

    def __init__(self, path: Path, table: str, limits: Limits, clock: Clock) -> None:
        self.place = str(path)
        self._path = path
        self._table = table
        self.limits = limits
        self._clock = clock
        self._buckets: dict[Priority, SQLiteBucket] = {}
        self._granted = 0

    def take(self, priority: Priority) -> float:
        """Take one request's room; 0 if there was some, otherwise the seconds until there may be."""
        from pyrate_limiter import RateItem  # noqa: PLC0415
        from pyrate_limiter.abstracts.algorithm import Decision  # noqa: PLC0415

        bucket = self._bucket(priority)
        decision = bucket.put_decision(RateItem(priority.name, self._now_ms()))
        if isinstance(decision, Decision) and decision.allowed:
            self._granted += 1
            if self._granted % _TIDY_EVERY == 0:
                self._tidy(bucket)
            return 0.0
        wait = decision.retry_after_ms if isinstance(decision, Decision) else None
        return max(wait or 0, 5) / 1000

    def peek(self) -> tuple[Window, ...]:
        """How full each window is, the minute first; it writes nothing."""
        if not self._path.exists():
            return self.limits.windows(0, 0)
        now = self._now_ms()
        since = {"minute": now - spans.MINUTE_MS, "hour": now - spans.HOUR_MS, "ahead": now + spans.MINUTE_MS}
        with contextlib.closing(sqlite3.connect(self._path)) as file:
            held = file.execute("SELECT count(*) FROM sqlite_master WHERE name = ?", (self._table,)).fetchone()[0]
            counts = file.execute(_COUNT.format(table=self._table), since).fetchone() if held else (0, 0)
        return self.limits.windows(*counts)

    def close(self) -> None:
        """Close the file."""
        for bucket in [*self._buckets.values()][:1]:
            bucket.conn.close()
        self._buckets.clear()

    def _now_ms(self) -> int:
        return self._clock.now_us() // 1000

    def _bucket(self, priority: Priority) -> "SQLiteBucket":
        from pyrate_limiter.buckets import SQLiteBucket  # noqa: PLC0415

        if priority not in self._buckets:
            allowed = self.limits.rates(priority)
            if self._buckets:
                first = next(iter(self._buckets.values()))
                self._buckets[priority] = SQLiteBucket(allowed, first.conn, self._table, lock=first.lock)
            else:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                bucket = SQLiteBucket.init_from_file(allowed, self._table, str(self._path), use_file_lock=True)
                self._buckets[priority] = bucket
                self._tidy(bucket)
        return self._buckets[priority]

    def _tidy(self, bucket: "SQLiteBucket") -> None:
        """Delete entries that no window counts, and entries in the future, which a clock that was set back leaves."""
        now = self._now_ms()
        longest = max(spans.HOUR_MS, *(rate.interval for rate in self.limits.rates(Priority.LIVE)))
        with bucket.lock:
            for where, bound in (("<", now - longest), (">", now + spans.MINUTE_MS)):
                bucket.conn.execute(
                    f"DELETE FROM '{self._table}' WHERE item_timestamp {where} ?",  # noqa: S608 - our own hex name
                    (bound,),
                )
            bucket.conn.commit()
