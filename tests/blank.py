"""Homes for tests that are not about the first start.

Making a warehouse's schema and views takes half a second, making Dagster's databases a whole one; copying takes none.
"""

import atexit
import contextlib
import functools
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb

from taskhouse.clock import REAL
from taskhouse.settings import Settings
from taskhouse.warehouse import sql, staging, views
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.engine import Attached

World = dict[str, list[dict[str, Any]]]
"""By table, the rows of a world."""


def blank(path: Path) -> Path:
    """Put a warehouse that holds nothing and belongs to nobody yet where ``path`` says, if nothing is there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        made = views.template(template().parent)
        shutil.copyfile(made, path.with_name(made.name))
        path.with_name(made.name).chmod(0o600)
        shutil.copyfile(template(), path)
        path.chmod(0o600)
    return path


@contextlib.contextmanager
def opened(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """A blank warehouse, outside any transaction."""
    with contextlib.closing(Attached(blank(path))) as attached:
        yield attached.connection


@contextlib.contextmanager
def lived(connection: duckdb.DuckDBPyConnection, world: World) -> Iterator[None]:
    """The warehouse with these rows, until the block ends; what is written in it is undone too."""
    connection.execute("BEGIN")
    try:
        for table, rows in world.items():
            staging.stage(connection, "incoming", rows, staging.of_table(connection, table))
            connection.execute(f"INSERT INTO {table} BY NAME FROM incoming")
        yield
    finally:
        connection.execute("ROLLBACK")


def show(path: Path) -> Path:
    """Put the views into a file, as a published copy has them; a warehouse has none."""
    views.add(path, views.template(template().parent), REAL)
    return path


@contextlib.contextmanager
def shown(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """One transaction over a new file that has the tables of a warehouse and the views of a published copy."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(_shown(), path)
    with writing(path) as connection:
        yield connection


@contextlib.contextmanager
def writing(path: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """One transaction over a file as it is."""
    with contextlib.closing(Attached(path)) as attached, sql.atomic(attached.connection):
        yield attached.connection


def started(home: Path) -> Path:
    """A home in which Dagster has made its databases, and nothing ever ran."""
    home.mkdir(parents=True, mode=0o700)
    shutil.copytree(_dagster(), home / "dagster")
    return home


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="taskhouse-blank-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder


@functools.cache
def _dagster() -> Path:
    from taskhouse.pipelines.home import prepare  # noqa: PLC0415 - the engine's tests run without Dagster

    umask = os.umask(0o077)
    try:
        return prepare(Settings(_env_file=None, home=_folder() / "home"))
    finally:
        os.umask(umask)


@functools.cache
def _shown() -> Path:
    return show(Path(shutil.copyfile(template(), _folder() / "shown.duckdb")))


@functools.cache
def template() -> Path:
    """The warehouse that :func:`blank` copies; it must be closed by then."""
    path = _folder() / "warehouse.duckdb"
    with Warehouse(path, host="http://localhost:1").transaction("a blank warehouse"):
        pass
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM ledger.origin")
    return path
