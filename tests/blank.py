"""Homes for tests that are not about the first start.

Making a warehouse's schema and views takes half a second, making Dagster's databases a whole one; copying takes none.
"""

import atexit
import functools
import os
import shutil
import tempfile
from pathlib import Path

import duckdb

from taskhouse.settings import Settings
from taskhouse.warehouse.connection import Warehouse


def blank(path: Path) -> Path:
    """Put a warehouse that holds nothing and belongs to nobody yet where ``path`` says, if nothing is there."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        shutil.copyfile(template(), path)
        path.chmod(0o600)
    return path


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
def template() -> Path:
    """The warehouse that :func:`blank` copies; it must be closed by then."""
    path = _folder() / "warehouse.duckdb"
    with Warehouse(path, host="http://localhost:1").transaction("a blank warehouse"):
        pass
    with duckdb.connect(str(path)) as connection:
        connection.execute("DELETE FROM ledger.origin")
    return path
