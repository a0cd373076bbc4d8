"""A PostgreSQL and a Redis for each test that asks for one; a machine without them fails the test."""

from collections.abc import Iterator

import pytest

from tests.scale.servers import Postgres, Redis


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    """A PostgreSQL of the test's own."""
    server = Postgres()
    yield server
    server.remove()


@pytest.fixture
def redis() -> Iterator[Redis]:
    """A Redis of the test's own."""
    server = Redis()
    yield server
    server.remove()
