"""Questions to a warehouse: about its tables, or about views, which only a copy of it has."""

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.engine import connect
from tests.blank import show


def ask(warehouse: Warehouse, text: str, parameters: Any = None) -> list[tuple[Any, ...]]:
    """The rows of a statement, from the warehouse if that has what it names, else from a copy with the views."""
    asks = text.lstrip().startswith(("SELECT", "FROM", "WITH"))
    try:
        with (warehouse.reading if asks else warehouse.transaction)("a test") as connection:
            return connection.execute(text, parameters).fetchall()
    except duckdb.CatalogException:
        with looking(warehouse) as connection:
            return connection.execute(text, parameters).fetchall()


@contextlib.contextmanager
def looking(warehouse: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """A copy of the warehouse as it is now, with the views, to read."""
    with connect(copied(warehouse), read_only=True) as connection:
        connection.execute("SET TimeZone = 'UTC'")
        yield connection


@contextlib.contextmanager
def spoiling(warehouse: Warehouse) -> Iterator[duckdb.DuckDBPyConnection]:
    """The same, to change; nothing of it stays."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copyfile(copied(warehouse), Path(folder) / "spoilt.duckdb"))
        with connect(path) as connection:
            connection.execute("SET TimeZone = 'UTC'")
            yield connection


def copied(warehouse: Warehouse) -> Path:
    """A copy of the warehouse as it is now, with the views, beside its folder."""
    home = warehouse.path.parent
    folder = home.with_name(f"{home.name}-shown")
    folder.mkdir(exist_ok=True)
    with warehouse.still("a test") as (file, held):
        path = folder / f"{held.generation if held else 0}.duckdb"
        if not path.exists():
            with path.open("wb") as copy:
                shutil.copyfileobj(file, copy)
            show(path)
    return path
