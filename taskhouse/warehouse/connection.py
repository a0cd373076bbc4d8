"""Short connections to the warehouse file: open, do one thing, close."""

import contextlib
import copy
import re
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO, Self

import duckdb

from taskhouse.advice import advised
from taskhouse.clock import REAL, Clock
from taskhouse.errors import ConfigurationError, Corrupt, Locked
from taskhouse.warehouse import damage, identity, migrate, preimage, sql, views
from taskhouse.warehouse.engine import Attached, checkpoint_at_commit, release
from taskhouse.warehouse.identity import Identity
from taskhouse.warehouse.lock import commit_lock


def held(problem: duckdb.IOException) -> bool:
    """Whether a file cannot be opened because another process has it open; "block" contains "lock" too."""
    return "set lock" in str(problem)


class Warehouse:
    """The DuckDB file of one PostHog host.

    No process keeps the file open: every block opens it under the commit lock and closes it, so that writers,
    readers and people can take turns. The first block of a process brings the schema up to date.

    Args:
        path: The file.
        host: The PostHog host that it belongs to.
        lock_wait_s: Longest wait for the commit lock, and for another program that has the file open.
        zone: Time zone in which the views' days begin; None leaves it as it is in the file.
        copies: The folder of published copies, which show what the file contained.
        spool: The folder of captured events, which show that there was a file.
        clock: The clock for the times that are written.
    """

    def __init__(
        self,
        path: Path,
        *,
        host: str,
        lock_wait_s: float = 60.0,
        zone: str | None = None,
        copies: Path | None = None,
        spool: Path | None = None,
        clock: Clock = REAL,
    ) -> None:
        self.path = path
        self.host = host
        self.zone = zone
        self.lock_wait_s = lock_wait_s
        self.copies = copies
        self.spool = spool
        self.clock = clock
        self._ready = 0
        self._kept: duckdb.DuckDBPyConnection | None = None

    @contextlib.contextmanager
    def kept_open(self) -> Iterator[None]:
        """Keep the file open for all blocks of this object during this one: a tenth of the cost of a small block.

        No other process can use the file meanwhile, and a crash can damage it, so it is for a history that can be made
        again. All blocks must be of one thread.
        """
        with self._prepared("keeping it open") as connection:
            connection.execute("SET threads = 1")  # blocks are small: to share them out costs more than it saves
            self._kept = connection
            try:
                yield
            finally:
                self._kept = None
        release()

    def waiting(self, lock_wait_s: float) -> Self:
        """The same warehouse with another waiting time."""
        other = copy.copy(self)
        other.lock_wait_s = lock_wait_s
        return other

    def exists(self) -> bool:
        """Whether there is a file.

        Raises:
            Corrupt: There is none any more.
        """
        identity.require(self.path, self.copies, self.spool)
        return self.path.exists()

    def require(self) -> None:
        """Make sure that there is a file, before anything is created beside it.

        Raises:
            ConfigurationError: There never was one.
            Corrupt: There is none any more.
        """
        if not self.exists():
            raise self.empty()

    def empty(self) -> ConfigurationError:
        """The error if there never was a history."""
        return ConfigurationError(
            f"There is no history in {self.path.parent.absolute()} yet.",
            hint="Run `taskhouse sync` (or `taskhouse demo`) first. If your history is elsewhere, go to its folder"
            " or set TASKHOUSE_HOME.",
        )

    @contextlib.contextmanager
    def transaction(self, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """One transaction: committed when the block ends, rolled back when it raises. It creates a generation.

        Raises:
            Locked: Another process held the lock or the file for ``lock_wait_s`` seconds.
            Corrupt: The file cannot be opened as a DuckDB file, is missing, or is older than it was.
            ConfigurationError: The warehouse belongs to another host or home, or to a newer taskhouse.
        """
        with self.transactions(purpose) as begin, begin(last=True) as connection:
            yield connection

    @contextlib.contextmanager
    def transactions(self, purpose: str) -> Iterator[Callable[..., AbstractContextManager[duckdb.DuckDBPyConnection]]]:
        """Several transactions, each as :meth:`transaction` makes it, while the file stays open.

        To open and to close the file takes longer than to commit a few hundred rows. Nobody else can use it meanwhile,
        so the block should be short.

        Yields:
            What begins one; ``last`` if no other one follows in this block.
        """
        with self._prepared(purpose) as connection:

            @contextlib.contextmanager
            def begin(*, last: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
                if last:
                    checkpoint_at_commit(connection)
                with sql.atomic(connection):
                    yield connection
                    made = identity.advance(connection)
                    bound = Identity.beside(self.path) is not None or identity.holds(connection)
                if bound:
                    made.note(self.path)

            yield begin

    @contextlib.contextmanager
    def reading(self, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """One transaction that can write nothing but temporary tables; raises what :meth:`transaction` raises."""
        with self._prepared(purpose) as connection:
            connection.execute("BEGIN TRANSACTION READ ONLY")
            try:
                yield connection
            finally:
                connection.execute("ROLLBACK")

    @contextlib.contextmanager
    def still(self, purpose: str) -> Iterator[tuple[BinaryIO, Identity | None]]:
        """The complete file, which no process can change during the block, so that it can be copied.

        Copy from the given handle: closing any other handle of the file would release the lock against other writers.

        Raises:
            Locked: Another process held the lock or the file for ``lock_wait_s`` seconds.
            Corrupt: The file cannot be opened as a DuckDB file, is missing, or is older than it was.
            ConfigurationError: The warehouse belongs to another home.
        """
        locked = commit_lock(self.path, purpose=purpose, wait_s=self.lock_wait_s)
        with locked, self.path.open("rb") as file, self.opened() as connection:
            connection.execute("CHECKPOINT")
            yield file, identity.read(connection)

    @contextlib.contextmanager
    def opened(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The file itself, for a caller that holds the commit lock; the schema is left as it is.

        This notices a file that is not the one that this home had last.

        Raises:
            Locked: Another process has had the file open for ``lock_wait_s`` seconds.
            Corrupt: The file cannot be opened as a DuckDB file, is missing, or is older than it was.
            ConfigurationError: The warehouse belongs to another home.
        """
        known = identity.require(self.path, self.copies, self.spool)
        if wrong := damage.noted(self.path):
            raise self.damaged(wrong)
        attached = self._open()
        with contextlib.ExitStack() as stack:
            file = stack.enter_context(self.path.open("rb"))
            stack.callback(attached.close)  # before the handle: to close that ends DuckDB's own lock
            if wrong := damage.cut(file):
                raise self.damaged(wrong)
            stack.enter_context(self._readable())
            identity.same(self.path, identity.read(attached.connection), known, self.copies, self.spool)
            preimage.keep(self.path, file, attached.connection)
            yield attached.connection

    @contextlib.contextmanager
    def as_it_is(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The file of any home and age, for a caller that holds the commit lock and repairs that.

        Only its log is written.

        Raises:
            Locked: Another process has had the file open for ``lock_wait_s`` seconds.
            Corrupt: The file cannot be opened as a DuckDB file.
        """
        with contextlib.closing(self._open()) as attached:
            yield attached.connection

    @contextlib.contextmanager
    def _prepared(self, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
        """The file with the schema, the host and the views of this process."""
        if self._kept is not None:
            yield self._kept
            return
        with commit_lock(self.path, purpose=purpose, wait_s=self.lock_wait_s), self.opened() as connection:
            file = self.path.stat().st_ino
            if self._ready != file:  # the first block, or another file took its place
                migrate.upgrade(connection, self.clock)
                identity.bind(connection, self.host, self.clock)
                views.prepare(connection, self.path.parent, self.clock, zone=self.zone)
                self._ready = file
            yield connection

    def _open(self) -> Attached:
        """Open the file, waiting for another program (an analyst's shell) as long as for our own lock."""
        until = time.monotonic() + self.lock_wait_s
        while True:
            preimage.mend(self.path, self.clock)
            try:
                return Attached(self.path)
            except duckdb.IOException as problem:
                if not held(problem):
                    raise advised(problem) or self._unreadable(problem) from None
                if time.monotonic() >= until:
                    raise self._held(problem) from None
                time.sleep(0.05)
            except duckdb.Error as problem:
                raise self._unreadable(problem) from None

    def damaged(self, wrong: str) -> Corrupt:
        """The error if the file is damaged."""
        return Corrupt(
            f"The warehouse {self.path} is damaged: {wrong}.",
            hint="`taskhouse restore` restores the newest sound copy, and keeps this file next to it."
            " No copy and no backup was removed.",
        )

    @contextlib.contextmanager
    def _readable(self) -> Iterator[None]:
        try:
            yield
        except duckdb.Error as problem:
            if not damage.said(problem):
                raise
            raise self.damaged(damage.first_line(problem)) from None

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
            hint="`taskhouse restore` restores the newest copy, and keeps this file next to it.",
        )
