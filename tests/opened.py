"""A warehouse that stays attached while a pass or a test lives: to attach it for each block is a third of its time."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from taskhouse.clock import Clock
from taskhouse.warehouse import connection, preimage
from taskhouse.warehouse.engine import Attached, use
from tests import blank

MEND = preimage.mend


class Door:
    """A connection of its own to a file that stays attached."""

    def __init__(self, attached: Attached) -> None:
        self.connection = attached.connection.cursor()
        use(self.connection)

    def close(self) -> None:
        """Roll back what is not committed."""
        self.connection.close()


class Doors:
    """Doors into files that are attached when they are first opened, and closed together."""

    def __init__(self) -> None:
        self._attached: dict[Path, Attached] = {}

    def open(self, path: Path) -> Door:
        """Another door, as if the file were attached for it."""
        if path not in self._attached:
            self._attached[path] = Attached(path)
            self._attached[path].connection.execute("SET threads = 1")
        return Door(self._attached[path])

    def mend(self, path: Path, clock: Clock) -> int:
        """As before every opening, unless the file is attached: its metadata is being written then."""
        return 0 if path in self._attached else MEND(path, clock)

    def close(self) -> None:
        """Close the files."""
        while self._attached:
            self._attached.popitem()[1].close()

    @contextlib.contextmanager
    def instead(self) -> Iterator[None]:
        """Let every warehouse of this process be opened by such a door."""
        with mock.patch.object(connection, "Attached", self.open), mock.patch.object(preimage, "mend", self.mend):
            yield


@contextlib.contextmanager
def once() -> Iterator[None]:
    """Attach every warehouse once, and close it at the end of the outermost such block."""
    if vars(connection)["Attached"] is not Attached:
        yield
        return
    blank.template()
    doors = Doors()
    with contextlib.closing(doors), doors.instead():
        yield


@pytest.fixture
def attached() -> Iterator[None]:
    """Every warehouse stays attached until the test ends, for tests that open theirs many times, here alone."""
    with once():
        yield
