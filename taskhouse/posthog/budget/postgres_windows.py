"""The windows in a table of PostgreSQL (pyrate-limiter's bucket), stamped with the server's time.

The stamp is read under the lock of the table, so stamps are in the order in which room was given, regardless of what
the clocks of the clients say. A lock ends with its transaction: that of a client that was killed ends with its
connection, and that of one that hangs or lost its network is ended by the server
(``idle_in_transaction_session_timeout``).
"""

import contextlib
import os
import socket
import threading
from typing import TYPE_CHECKING, Any

from pyrate_limiter import RateItem
from pyrate_limiter.abstracts.algorithm import Decision
from pyrate_limiter.buckets import PostgresBucket

from taskhouse.posthog.budget import limits as spans
from taskhouse.posthog.budget.limits import Limits, Priority, Window
from taskhouse.posthog.budget.store import Unreachable

if TYPE_CHECKING:
    from collections.abc import Iterator

    import psycopg

CONNECT_S = 3
HUNG_S = 6.0
"""From then on a server that took a question does not answer it; its own time limits are shorter."""

SESSION = {
    "timezone": "UTC",  # the bucket's column has no zone, and two sessions in different zones would not agree
    "statement_timeout": "3s",
    "lock_timeout": "2s",
    "idle_in_transaction_session_timeout": "2s",
}
_SET = "SELECT " + ", ".join("set_config(%s, %s, false)" for _ in SESSION)
_LOCK = "LOCK TABLE {table} IN EXCLUSIVE MODE"
_NOW = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint"
_TIDY = """
DELETE FROM {table}
WHERE item_timestamp < to_timestamp(%s) - %s * interval '1 millisecond'
    OR item_timestamp > to_timestamp(%s) + %s * interval '1 millisecond'
"""
_COUNT = """
SELECT
    count(*) FILTER (WHERE item_timestamp >= clock_timestamp() - %s * interval '1 millisecond'),
    count(*) FILTER (WHERE item_timestamp >= clock_timestamp() - %s * interval '1 millisecond')
FROM {table}
"""
_TIDY_EVERY = 500
_SAID = (
    "Connection refused",
    "timeout expired",
    "password authentication failed",
    "no password supplied",
    "the database system is starting up",
    "the database system is shutting down",
    "too many clients",
    "permission denied for schema",
    "failed to resolve host",
)
"""What may be repeated of a message of the server: the rest could contain a part of the address."""


class PostgresWindows:
    """What all shards share. It is the pool of its buckets, too: of one connection, which is in a transaction."""

    def __init__(self, address: str, place: str, name: str, limits: Limits) -> None:
        self.place = place
        self._address = address
        self._name = name
        self._limits = limits
        self._open: psycopg.Connection[tuple[Any, ...]] | None = None
        self._buckets: dict[Priority, PostgresBucket] = {}
        self._granted = 0

    def take(self, priority: Priority) -> float:
        """Take one request's room; 0 if there was some, otherwise the seconds until there may be."""
        with self._answering() as session:
            bucket = self._bucket(session, priority)
            with session.transaction():
                session.execute(self._query(_LOCK))
                now = self._asked(session, _NOW)[0]
                decision = bucket.put_decision(RateItem(priority.name, now))
                granted = isinstance(decision, Decision) and decision.allowed
                if granted and self._granted % _TIDY_EVERY == 0:
                    now_s = now / 1000
                    session.execute(self._query(_TIDY), (now_s, spans.HOUR_MS, now_s, spans.MINUTE_MS))
        if granted:
            self._granted += 1
            return 0.0
        wait = decision.retry_after_ms if isinstance(decision, Decision) else None
        return max(wait or 0, 5) / 1000

    def peek(self) -> tuple[Window, ...]:
        """How full each window is, the minute first."""
        with self._answering() as session:
            self._bucket(session, Priority.LIVE)
            minute, hour = self._asked(session, _COUNT, spans.MINUTE_MS, spans.HOUR_MS)
        return self._limits.windows(minute, hour)

    def doubt(self) -> str:
        """Why it may forget what was used; PostgreSQL does not."""
        return ""

    def close(self) -> None:
        """Close the connection."""
        if self._open is not None:
            self._open.close()
        self._open = None
        self._buckets.clear()

    def _abandon(self) -> None:
        """End the call that another thread waits for: a server that hangs answers no cancellation."""
        with contextlib.suppress(Exception):
            if self._open is not None:
                with socket.socket(fileno=os.dup(self._open.fileno())) as wire:
                    wire.shutdown(socket.SHUT_RDWR)

    @contextlib.contextmanager
    def connection(self) -> "Iterator[psycopg.Connection[tuple[Any, ...]]]":
        """The one connection, in the transaction that it is in."""
        assert self._open is not None  # noqa: S101 - a bucket is asked only while it is open
        yield self._open

    @contextlib.contextmanager
    def _answering(self) -> "Iterator[psycopg.Connection[tuple[Any, ...]]]":
        import psycopg  # noqa: PLC0415 - an extra

        limit = threading.Timer(HUNG_S, self._abandon)
        limit.start()
        try:
            if self._open is None:
                self._open = psycopg.connect(
                    self._address,
                    autocommit=True,
                    connect_timeout=CONNECT_S,
                    tcp_user_timeout=CONNECT_S * 1000,
                    application_name="taskhouse budget",
                )
                self._open.execute(_SET, [text for pair in SESSION.items() for text in pair])
            yield self._open
        except psycopg.Error as problem:
            said = next((words for words in _SAID if words in str(problem)), "")
            with contextlib.suppress(psycopg.Error):
                self.close()
            self._open = None
            raise Unreachable(said or f"{type(problem).__name__} {problem.sqlstate or ''}".rstrip()) from None
        finally:
            limit.cancel()

    def _bucket(self, session: "psycopg.Connection[tuple[Any, ...]]", priority: Priority) -> PostgresBucket:
        if priority not in self._buckets:
            with session.transaction():
                self._buckets[priority] = PostgresBucket(self, self._name, self._limits.rates(priority))
        return self._buckets[priority]

    def _query(self, text: str) -> Any:
        from psycopg import sql  # noqa: PLC0415 - an extra

        return sql.SQL(text).format(table=sql.Identifier(f"ratelimit___{self._name}"))

    def _asked(self, session: "psycopg.Connection[tuple[Any, ...]]", text: str, *values: int) -> tuple[Any, ...]:
        row = session.execute(self._query(text), values).fetchone()
        assert row is not None  # noqa: S101 - an aggregate or a constant
        return row
