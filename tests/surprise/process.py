"""A process that dies: at some step that leaves a mark on disk everything in memory is gone.

A step is a commit, before it begins, before it is kept and after it, or a write to the spool, of which a part may be on
disk. From the death on nothing can be written any more, not even by a ``finally``.
"""

from __future__ import annotations

import contextlib
import secrets
from typing import TYPE_CHECKING, Any, Self
from unittest import mock

from taskhouse.posthog.client import PostHog
from taskhouse.spool import writer
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.opening import open_warehouse
from tests.opened import Doors

if TYPE_CHECKING:
    from asyncio import Task
    from collections.abc import Iterator

    import duckdb

    from taskhouse.settings import Settings


class Killed(BaseException):
    """The process is dead."""


class Process:
    """One process of taskhouse: its client, its warehouse, and how many steps it has still to live.

    Names that are drawn elsewhere are counted here: where virtual time stands still, their order decides.
    """

    def __init__(self, settings: Settings, names: Iterator[int]) -> None:
        self._names = names
        self.warehouse = open_warehouse(settings)
        self.client = PostHog(settings)
        self.left: int | None = None
        self.dead = False
        self.tasks: set[Task[Any]] = set()
        self._doors = Doors()

    async def end(self) -> None:
        """Leave nothing open."""
        await self.client.__aexit__(None, None, None)
        self._doors.close()

    def step(self) -> None:
        """Do something that lasts, or die before it."""
        if self.dead:
            raise Killed
        if self.left is not None:
            self.left -= 1
            if self.left < 0:
                self.dead = True
                raise Killed

    def _name(self, size: int) -> str:
        return f"{next(self._names):0{2 * size}x}"

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
            lived = not self.dead
            try:
                self.step()
            except Killed:
                if lived:
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
            self._doors.instead(),
            mock.patch.object(secrets, "token_hex", self._name),
            mock.patch.object(Warehouse, "transaction", mortal_transaction),
            mock.patch.object(writer._Open, "write", mortal_write),
            mock.patch.object(writer.SpoolWriter, "_seal", mortal_seal),
            mock.patch.object(writer.SpoolWriter, "close", mortal_close),
        ):
            yield self
