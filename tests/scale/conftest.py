"""A PostgreSQL and a Redis for each test that asks for one; a machine without them fails the test."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.scale.servers import Postgres, Redis


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of the test's own."""
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[Redis]:
    """A Redis of the test's own."""
    server = Redis(tmp_path)
    yield server
    server.stop(signal.SIGKILL)
