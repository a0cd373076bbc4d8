"""Lakes with real catalogues, PostgreSQL among them, and homes that publish to them.

The tests of this folder run in the environment of the lake (`make test-scale`) and are skipped elsewhere, as are those
with PostgreSQL where Debian's package is missing.
"""

import importlib.util
import lzma
import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from taskhouse.lake.engine import Lake, connect
from taskhouse.warehouse.engine import connect as connect_duckdb
from tests.dealing import deal
from tests.lake.buckets import Folder, ObjectStorage
from tests.lake.homes import Home, derived
from tests.marts.history import PACKED

PASSWORD = "s3cret/of@it"

LONGEST = ("test_world", "test_reading", "test_kills", "test_damage", "test_upkeep")
"""The modules whose tests take longest, in this order."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark the tests of this folder, which need a lake; if there are no others, deal them out, the longest first."""
    missing = importlib.util.find_spec("duckdb_extension_ducklake") is None or not duckdb.__version__.startswith("1.5.")
    ours = [item for item in items if item.path.parent == Path(__file__).parent]
    for item in ours:
        item.add_marker(pytest.mark.scale)
        if missing:
            item.add_marker(pytest.mark.skip(reason="DuckLake is not installed: `make test-scale` brings it"))
    if len(ours) == len(items):
        deal(items, LONGEST)


@pytest.fixture(autouse=True)
def _one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """DuckDB has one thread here: the many small statements of a test take less than half of the processor time."""

    def single() -> duckdb.DuckDBPyConnection:
        connection = connect_duckdb()
        connection.execute("SET threads = 1")
        return connection

    monkeypatch.setattr("taskhouse.lake.engine.start", single)


@pytest.fixture(scope="session")
def postgres() -> Iterator["Catalogues"]:
    """A PostgreSQL that the tests share."""
    servers = pytest.importorskip("tests.scale.servers")
    if servers.PROGRAMS is None:
        pytest.skip("PostgreSQL is not installed: `apt-get install postgresql`")
    server = servers.Postgres()
    yield Catalogues(server, servers.PROGRAMS)
    server.remove()


class Catalogues:
    """New databases of a server."""

    def __init__(self, server: Any, programs: Path) -> None:
        self.server, self.programs, self.number = server, programs, 0

    def make(self) -> str:
        """The address of a lake whose catalogue is a new database."""
        self.number += 1
        name = f"lake{self.number}"
        where = ["--host", "127.0.0.1", "--port", str(self.server.port), "--username", "postgres"]
        program = str(self.programs / "createdb")
        subprocess.run([program, *where, name], check=True, env={**os.environ, "PGPASSWORD": PASSWORD})
        place = f"host=127.0.0.1 port={self.server.port} user=postgres password='{PASSWORD}'"
        return f"ducklake:postgres:dbname={name} {place}"


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse with 24 days of history, of project 1, and what is computed from it."""
    path = tmp_path_factory.mktemp("history") / "warehouse.duckdb"
    path.write_bytes(lzma.decompress(PACKED.read_bytes()))
    return derived(path)


@pytest.fixture
def sqlite(tmp_path: Path) -> Lake:
    """A new lake with a catalogue in SQLite."""
    return Lake(f"ducklake:sqlite:{tmp_path}/lake/catalogue.sqlite", tmp_path / "lake" / "data")


@pytest.fixture(scope="session")
def storage() -> Iterator[ObjectStorage]:
    """Object storage that the tests share."""
    pytest.importorskip("moto")
    server = ObjectStorage()
    yield server
    server.remove()


@pytest.fixture
def bucket(storage: ObjectStorage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Lake:
    """A new lake with a catalogue in SQLite, whose files are in a bucket, and the keys for it in the environment."""
    for name, value in storage.environment().items():
        monkeypatch.setenv(name, value)
    return Lake(f"ducklake:sqlite:{tmp_path}/lake/catalogue.sqlite", storage.make())


@pytest.fixture(params=["sqlite", "postgres"])
def lake(request: pytest.FixtureRequest, tmp_path: Path) -> Lake:
    """A new lake, with each kind of catalogue; a test marked `PLACES` has it with each kind of place for the files."""
    if request.param == "sqlite":
        found: Lake = request.getfixturevalue("sqlite")
        return found
    place = request.getfixturevalue("bucket").data if request.param == "bucket" else tmp_path / "lake" / "data"
    return Lake(request.getfixturevalue("postgres").make(), place)


@pytest.fixture
def files(lake: Lake, request: pytest.FixtureRequest) -> Folder | ObjectStorage:
    """What reads, writes and deletes the files of `lake`."""
    found: Folder | ObjectStorage = Folder() if isinstance(lake.data, Path) else request.getfixturevalue("storage")
    return found


@pytest.fixture
def make_home(tmp_path: Path, history: Path) -> Callable[..., Home]:
    """Makes homes: with 24 days of history as another project, or nearly empty."""

    def make(shard: str, lake: Lake, *, project: int = 1, full: bool = True) -> Home:
        return Home(tmp_path / shard, shard, lake, project=project, history=history if full else None)

    return make


@pytest.fixture
def ask() -> Callable[[Lake, str], list[tuple[object, ...]]]:
    """Asks the tables of a lake as they are."""

    def rows(lake: Lake, text: str) -> list[tuple[object, ...]]:
        connection = connect(lake, read_only=True)
        try:
            return connection.execute(text).fetchall()
        finally:
            connection.close()

    return rows
