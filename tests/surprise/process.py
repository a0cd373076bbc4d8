"""A process that dies: at some step that leaves a mark on disk everything in memory is gone.

A step is a commit, before it begins, before it is kept and after it, or a write to the spool, of which a part may be on
disk. From the death on nothing can be written any more, whatever a ``finally`` would like. While it lives it keeps the
warehouse attached, which costs a third of opening it again and again.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, Self
from unittest import mock

from taskhouse.posthog.client import PostHog
from taskhouse.spool import writer
from taskhouse.sync.resources import open_warehouse
from taskhouse.warehouse import connection, preimage
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.engine import Attached

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Iterator
    from pathlib import Path

    import duckdb

    from taskhouse.settings import Settings


class Killed(BaseException):
    """The process is dead."""


class Process:
    """One process of taskhouse: its client, its warehouse, and how many steps it has still to live."""

    def __init__(self, settings: Settings) -> None:
        self.warehouse = open_warehouse(settings)
        self.client = PostHog(settings)
        self.left: int | None = None
        self.dead = False
        self.tasks: set[Task[Any]] = set()
        self._attached: Attached | None = None

    async def end(self) -> None:
        """Leave nothing open."""
        await self.client.__aexit__(None, None, None)
        if self._attached is not None:
            self._attached.close()
            self._attached = None

    def step(self) -> None:
        """Do something that lasts, or die before it."""
        if self.dead:
            raise Killed
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.dead = True
                raise Killed

    def _opened(self, path: Path) -> Any:
        if self._attached is None:
            self._attached = Attached(path)
            self._attached.connection.execute("SET threads = 1")
        return _Door(self._attached)

    @contextlib.contextmanager
    def living(self) -> Iterator[Self]:
        """Let everything that is written meanwhile be a step of this life."""
        transaction, write = Warehouse.transaction, writer._Open.write
        seal, close = writer.SpoolWriter._seal, writer.SpoolWriter.close

        @contextlib.contextmanager
        def mortal_transaction(warehouse: Warehouse, purpose: str) -> Iterator[duckdb.DuckDBPyConnection]:
            self.step()
            with transaction(warehouse, purpose) as inside:
                yield inside
                self.step()
            self.step()

        def mortal_write(segment: Any, content: bytes, lines: int) -> None:
            try:
                self.step()
            except Killed:
                segment._file.write(content[: len(content) // 2])
                raise
            write(segment, content, lines)

        def mortal_seal(spool_writer: writer.SpoolWriter, segment: Any) -> Any:
            self.step()
            return seal(spool_writer, segment)

        def mortal_close(spool_writer: writer.SpoolWriter) -> None:
            try:
                self.step()
            except Killed:
                for segment in (*spool_writer._open.values(), *spool_writer._full, *spool_writer._late):
                    segment._file.close()
                spool_writer._alive.release()
                raise
            close(spool_writer)

        with (
            mock.patch.object(connection, "Attached", self._opened),
            mock.patch.object(preimage, "mend", return_value=0),
            mock.patch.object(Warehouse, "transaction", mortal_transaction),
            mock.patch.object(writer._Open, "write", mortal_write),
            mock.patch.object(writer.SpoolWriter, "_seal", mortal_seal),
            mock.patch.object(writer.SpoolWriter, "close", mortal_close),
        ):
            yield self


class _Door:
    """A connection of its own to the file that stays attached."""

    def __init__(self, attached: Attached) -> None:
        self.connection = attached.connection.cursor()
        self.connection.execute("USE warehouse")

    def close(self) -> None:
        """Roll back what is not committed."""
        self.connection.close()
