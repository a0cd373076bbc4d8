"""A write of DuckDB's metadata that was cut short is put right, and nothing else ever is."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from taskhouse.errors import Corrupt
from taskhouse.warehouse import preimage
from taskhouse.warehouse.connection import Warehouse

HEADERS, BLOCK = 3 * 4096, 262_144
KILLED = """
import os, pathlib, signal, sys
from taskhouse.warehouse.connection import Warehouse
with Warehouse(pathlib.Path(sys.argv[1]), host="h").opened() as connection:
    connection.execute("INSERT INTO kept SELECT range FROM range(1000, 1500)")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A warehouse whose writer was killed after a commit, and before that reached the file itself."""
    path = tmp_path / "warehouse.duckdb"
    for start in (0, 500):
        with Warehouse(path, host="h").transaction("filling") as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS kept (number BIGINT)")
            connection.execute("INSERT INTO kept SELECT range FROM range($start, $start + 500)", {"start": start})
    killed = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert Path(f"{path}.wal").stat().st_size > 0
    return path


def metadata(path: Path) -> list[int]:
    """The blocks that the file's metadata is in, as of its header."""
    with duckdb.connect(str(path), read_only=True) as connection:
        found = connection.execute("SELECT DISTINCT block_id FROM pragma_metadata_info() ORDER BY ALL").fetchall()
    return [number for (number,) in found if HEADERS + number * BLOCK < path.stat().st_size]


def tear(path: Path, number: int) -> None:
    """Write the first page of a block anew, as if the rest had never come."""
    with path.open("rb+") as file:
        os.pwrite(file.fileno(), os.urandom(4096), HEADERS + number * BLOCK)


def rows(path: Path) -> tuple[int, int]:
    with Warehouse(path, host="h").transaction("counting") as connection:
        count, total = connection.execute("SELECT count(*), sum(number)::BIGINT FROM kept").fetchall()[0]
    return count, total


def test_torn_metadata_is_put_back_and_nothing_committed_is_lost(path: Path) -> None:
    torn = metadata(path)
    for number in torn:
        tear(path, number)
    with pytest.raises(duckdb.Error, match="Corrupt"):
        duckdb.connect(str(path))
    assert rows(path) == (1500, sum(range(1500)))
    assert preimage.mend(path) == 0
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchall() == [(1500,)]


def test_metadata_that_is_whole_stays_as_it_is(path: Path) -> None:
    before = path.read_bytes()
    assert preimage.mend(path) == 0
    assert path.read_bytes() == before
    assert rows(path) == (1500, sum(range(1500)))


def test_metadata_of_another_header_is_never_put_back(path: Path) -> None:
    old = preimage.beside(path).read_bytes()
    assert rows(path) == (1500, sum(range(1500)))
    preimage.beside(path).write_bytes(old)
    before = path.read_bytes()
    assert preimage.mend(path) == 0
    assert path.read_bytes() == before


@pytest.mark.parametrize("damage", [0, 4, 8, 12, 20, 20_000, 200_000])
def test_kept_metadata_that_is_damaged_or_short_is_never_put_back(path: Path, damage: int) -> None:
    kept = preimage.beside(path)
    content = kept.read_bytes()
    for number in metadata(path):
        tear(path, number)
    before = path.read_bytes()
    for broken in (content[:damage], content[:damage] + b"\xa5\x5a" + content[damage + 2 :]):
        kept.write_bytes(broken)
        assert preimage.mend(path) == 0
        assert path.read_bytes() == before
    with pytest.raises(Corrupt, match="cannot be opened"):
        rows(path)


def test_a_file_that_may_not_be_written_is_left_to_duckdb(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tear(path, metadata(path)[0])
    monkeypatch.setattr(os, "access", lambda *_: False)  # whoever is root may write everything
    before = path.read_bytes()
    assert preimage.mend(path) == 0
    assert path.read_bytes() == before


def test_a_file_that_somebody_else_has_open_is_left_alone(path: Path) -> None:
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", hold, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        (number, *_) = metadata(path)
        tear(path, number)
        before = path.read_bytes()
        assert preimage.mend(path) == 0
        assert path.read_bytes() == before
        holder.communicate(b"\n")
    assert preimage.mend(path) == 1
