"""Short connections to the warehouse file: open, do one thing, close."""

import contextlib
import copy
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, Self

import duckdb

from taskhouse.errors import Corrupt, Locked
from taskhouse.warehouse import migrate, preimage, views
from taskhouse.warehouse.lock import commit_lock

COMPATIBILITY = "v1.5.0"
"""Files stay readable for DuckDB 1.5 and MotherDuck."""


def held(problem: duckdb.IOException) -> bool:
    """Whether a file cannot be opened since another process has it; "lock" alone is also in "block"."""
    return "set lock" in str(problem)


class Warehouse:
    """The DuckDB file of one PostHog host.

    Nobody keeps a connection: every block opens the file under the commit lock and closes it, so that writers,
    readers and people interleave. The schema is brought up to date by the first block of a process.

    Args:
        path: The file.
        host: The PostHog host that it belongs to.
        lock_wait_s: Longest wait for the commit lock, and for a foreign holder of the file.
        zone: Time zone in which the views' days begin; None leaves it as it is in the file.
    """

    def __init__(self, path: Path, *, host: str, lock_wait_s: float = 60.0, zone: str | None = None) -> None:
        self.path = path
        self.host = host
        self.zone = zone
        self.lock_wait_s = lock_wait_s
        self._ready = False

    def waiting(self, lock_wait_s: float) -> Self:
        """The same warehouse for somebody who waits that long."""
        other = copy.copy(self)
        other.lock_wait_s = lock_wait_s
        return other

    @contextlib.contextmanager
    def transaction(self, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """One transaction: committed when the block ends, rolled back when it raises.

        Raises:
            Locked: Another process held the lock or the file for ``lock_wait_s`` seconds.
            Corrupt: The file cannot be opened as a DuckDB file.
            ConfigurationError: The warehouse belongs to another host, or to a newer taskhouse.
        """
        with commit_lock(self.path, purpose=purpose, wait_s=self.lock_wait_s), self.opened() as connection:
            if not self._ready:
                migrate.upgrade(connection, host=self.host)
                views.refresh(connection, zone=self.zone)
                self._ready = True
            connection.execute("BEGIN")
            try:
                yield connection
            except BaseException:
                connection.execute("ROLLBACK")
                raise
            connection.execute("COMMIT")

    @contextlib.contextmanager
    def still(self, purpose: str) -> Iterator[BinaryIO]:
        """The file, complete and written by nobody for the length of the block, so that it can be copied.

        Copy what is given: to close any other handle of the file would end the lock that keeps foreign writers out.

        Raises:
            Locked: Another process held the lock or the file for ``lock_wait_s`` seconds.
        """
        locked = commit_lock(self.path, purpose=purpose, wait_s=self.lock_wait_s)
        with locked, self.path.open("rb") as file, self.opened() as connection:
            connection.execute("CHECKPOINT")
            yield file

    @contextlib.contextmanager
    def opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The file itself, for whoever holds the commit lock; the schema is left as it is.

        Raises:
            Locked: Another process has had the file open for ``lock_wait_s`` seconds.
            Corrupt: The file cannot be opened as a DuckDB file.
        """
        connection = self._open()
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(self.path.open("rb"))
            stack.callback(connection.close)  # before the handle: to close that ends DuckDB's own lock
            preimage.keep(self.path, file, connection)
            yield connection

    def _open(self) -> duckdb.DuckDBPyConnection:
        """Open the file, waiting for a foreign holder (an analyst's shell) as long as for our own lock."""
        until = time.monotonic() + self.lock_wait_s
        while True:
            preimage.mend(self.path)
            try:
                connection = duckdb.connect(str(self.path), config={"storage_compatibility_version": COMPATIBILITY})
            except duckdb.IOException as problem:
                if not held(problem):
                    raise self._unreadable(problem) from None
                if time.monotonic() >= until:
                    raise self._held(problem) from None
                time.sleep(0.05)
            except duckdb.Error as problem:
                raise self._unreadable(problem) from None
            else:
                connection.execute("SET TimeZone = 'UTC'")
                connection.execute("SET python_enable_replacements = false")
                return connection

    def _held(self, problem: Exception) -> Locked:
        process = re.search(r"PID (\d+)", str(problem))
        who = f"process {process[1]}" if process else "another process"
        return Locked(
            f"The warehouse {self.path} has been open in {who} for {self.lock_wait_s:g} s.",
            hint="Close it there, or read the published copy instead. Captured events stay in the spool.",
        )

    def _unreadable(self, problem: Exception) -> Corrupt:
        return Corrupt(
            f"The warehouse {self.path} cannot be opened: {str(problem).splitlines()[0][:200]}.",
            hint="Move it away and restore a published copy, or start a new one with `taskhouse sync`.",
        )
