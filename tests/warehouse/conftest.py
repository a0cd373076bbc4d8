"""A warehouse and a spool in a temporary folder."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from taskhouse.spool.folder import Spool
from taskhouse.warehouse.connection import Warehouse
from tests import opened
from tests.blank import blank


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(blank(tmp_path / "warehouse.duckdb"), host="http://localhost:1", lock_wait_s=5)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")


@pytest.fixture
def attached() -> Iterator[None]:
    """Every warehouse stays attached until the test ends, for tests that open theirs many times."""
    with opened.once():
        yield
