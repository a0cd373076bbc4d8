"""A warehouse and a spool in a temporary folder."""

from pathlib import Path

import pytest

from taskhouse.spool.folder import Spool
from taskhouse.warehouse.connection import Warehouse
from tests.blank import blank
from tests.opened import attached

__all__ = ["attached", "spool", "warehouse"]


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(blank(tmp_path / "warehouse.duckdb"), host="http://localhost:1", lock_wait_s=5)


@pytest.fixture
def spool(tmp_path: Path) -> Spool:
    return Spool(tmp_path / "spool")
