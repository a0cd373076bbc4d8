"""A warehouse and a spool in a temporary folder."""

import shutil
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


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, Spool]:
    """A warehouse and a spool for all tests of a module, each with a run of its own."""
    folder = tmp_path_factory.mktemp("shared")
    return Warehouse(blank(folder / "warehouse.duckdb"), host="http://localhost:1"), Spool(folder / "spool")


@pytest.fixture
def home(template: Path, tmp_path: Path) -> Warehouse:
    """A copy of the home ``template``, which the module makes once."""
    from tests.warehouse.test_identity import opened  # noqa: PLC0415

    shutil.copytree(template, tmp_path / "home", symlinks=True)
    return opened(tmp_path / "home")
