"""The order of tests that take minutes: the longest begin first, each in a worker of its own."""

import os
from collections.abc import Sequence

import pytest


def deal(items: list[pytest.Item], longest: Sequence[str]) -> None:
    """Order tests for the workers of pytest-xdist: each one gets a part of the list, and begins at its start.

    Args:
        items: All tests of a run; they are put into another order.
        longest: The modules whose tests take longest, in this order.
    """
    last = len(longest)
    items.sort(key=lambda item: longest.index(item.path.stem) if item.path.stem in longest else last)
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    items[:] = [item for worker in range(workers) for item in items[worker::workers]]
