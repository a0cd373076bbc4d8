"""A PostgreSQL and a Redis for each test that asks for one; a machine without them fails the test."""

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.dealing import deal
from tests.scale.servers import Postgres, Redis

LONGEST = ("test_walk", "test_deployment", "test_shared_budget")
"""The modules whose tests take longest, in this order."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """If there are no other tests, begin with the longest."""
    if all(item.path.parent == Path(__file__).parent for item in items):
        deal(items, LONGEST)


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
