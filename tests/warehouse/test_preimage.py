"""A write of DuckDB's metadata that was cut short is put right, and nothing else ever is."""

import errno
import logging
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import NoReturn
from unittest.mock import Mock

import duckdb
import pytest

from taskhouse.errors import Corrupt, Full
from taskhouse.warehouse import migrate, preimage
from taskhouse.warehouse.blocks import BLOCK, HEADERS, intact, offset
from taskhouse.warehouse.connection import Warehouse
from tests import opened

KILLED = """
import os, pathlib, signal, sys
from taskhouse.warehouse.connection import Warehouse
with Warehouse(pathlib.Path(sys.argv[1]), host="h").opened() as connection:
    connection.execute("INSERT INTO kept SELECT range FROM range(1000, 1500)")
    os.kill(os.getpid(), signal.SIGKILL)
"""
TABLES = 40
"""Enough that a checkpoint writes metadata beyond the first page of a block."""


def fill(path: Path, start: int) -> None:
    """Commit 500 rows, and let a new header count."""
    with Warehouse(path, host="h").transaction("filling") as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (number BIGINT)")
        connection.execute("INSERT INTO kept SELECT range FROM range($start, $start + 500)", {"start": start})
        for number in range(TABLES):
            connection.execute(f"CREATE TABLE IF NOT EXISTS wide{number} (first BIGINT, second VARCHAR)")
            connection.execute(f"INSERT INTO wide{number} VALUES ($start, 'text of ' || $start)", {"start": start})


@pytest.fixture
def path(killed: Path, tmp_path: Path) -> Path:
    """A warehouse whose writer was killed after a commit, and before that reached the file itself."""
    shutil.copytree(killed, tmp_path, dirs_exist_ok=True)
    return tmp_path / "warehouse.duckdb"


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of such a warehouse."""
    path = tmp_path_factory.mktemp("killed") / "warehouse.duckdb"
    for start in (0, 500):
        fill(path, start)
    killed = subprocess.run([sys.executable, "-c", KILLED, path], check=False)
    assert killed.returncode == -signal.SIGKILL
    assert Path(f"{path}.wal").stat().st_size > 0
    return path.parent


def written(path: Path) -> dict[int, bytes]:
    """The blocks of metadata that the next commit would write where they are: id to what it would write."""
    later = path.with_name("later.duckdb")
    shutil.copy(path, later)
    shutil.copy(f"{path}.wal", f"{later}.wal")
    before = path.read_bytes()
    with duckdb.connect(str(later)) as connection:
        connection.execute("BEGIN")
        for number in range(TABLES):
            connection.execute(f"INSERT INTO wide{number} VALUES (1, 'one more')")
        connection.execute("COMMIT")
    after = later.read_bytes()
    kept = preimage.Kept.read(preimage.beside(path))
    assert kept is not None
    new = {number: after[offset(number) : offset(number) + BLOCK] for number in kept.blocks}
    return {number: block for number, block in new.items() if block != before[offset(number) :][:BLOCK]}


def tear(path: Path, size: int = 4096) -> list[int]:
    """End a commit after a number of bytes of each block that it writes; returns the blocks that are damaged then."""
    new = written(path)
    with path.open("rb+") as file:
        for number, block in new.items():
            os.pwrite(file.fileno(), block[:size], offset(number))
    damaged = [number for number in new if not intact(path.read_bytes()[offset(number) :][:BLOCK])]
    assert damaged
    return damaged


def garble(path: Path, number: int, at: int = 0) -> None:
    """Damage a block as no write of DuckDB would."""
    with path.open("rb+") as file:
        os.pwrite(file.fileno(), os.urandom(4096), offset(number) + at)


def rows(path: Path) -> tuple[int, int]:
    with Warehouse(path, host="h").transaction("counting") as connection:
        count, total = connection.execute("SELECT count(*), sum(number)::BIGINT FROM kept").fetchall()[0]
    return count, total


def saved(path: Path) -> list[Path]:
    return sorted(path.parent.glob("*.torn-*"))


@pytest.mark.parametrize(
    "size", [512, pytest.param(4096, marks=pytest.mark.worlds), pytest.param(8192, marks=pytest.mark.worlds)]
)
def test_torn_metadata_is_put_back_and_nothing_committed_is_lost(
    path: Path, size: int, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = tear(path, size)
    torn = path.read_bytes()
    with pytest.raises(duckdb.Error, match=r"Corrupt|checksum"):
        duckdb.connect(str(path)).execute("FROM kept")
    with caplog.at_level(logging.WARNING):
        assert rows(path) == (1500, sum(range(1500)))
    assert f"is repaired: {len(damaged)} block(s)" in caplog.text
    [found] = saved(path)
    kept = preimage.Kept.read(found)
    assert kept is not None
    assert {number: block for number, (_, block) in kept.blocks.items()} == {
        number: torn[offset(number) :][:BLOCK] for number in damaged
    }
    assert preimage.mend(path) == 0
    with duckdb.connect(str(path)) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchall() == [(1500,)]


def test_a_pass_of_a_test_puts_it_back_as_well(path: Path) -> None:
    """Such a pass attaches its warehouse once, so what it finds at first must be mended as ever."""
    tear(path)
    with opened.once():
        assert rows(path) == (1500, sum(range(1500)))
        assert rows(path) == (1500, sum(range(1500)))
    assert len(saved(path)) == 1


def test_metadata_that_is_whole_stays_as_it_is_and_is_not_read_at_once(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before, kept = path.read_bytes(), preimage.beside(path).read_bytes()
    with monkeypatch.context() as patched:
        patched.setattr(preimage.Kept, "read", Mock(side_effect=AssertionError))
        assert preimage.mend(path) == 0
    assert (path.read_bytes(), preimage.beside(path).read_bytes()) == (before, kept)
    assert rows(path) == (1500, sum(range(1500)))


@pytest.mark.parametrize("damage", [37, 20_000, -1])
def test_kept_metadata_that_is_damaged_or_longer_is_forgotten_though_the_file_is_whole(path: Path, damage: int) -> None:
    """At 37 are the parts in use of the first block: all blocks agree with the file, and the checksum does not."""
    kept = preimage.beside(path)
    content = kept.read_bytes()
    kept.write_bytes(content[:damage] + bytes([content[damage] ^ 1]) + content[damage:][1:] + b"+" * (damage < 0))
    before = path.read_bytes()
    assert preimage.mend(path) == 0
    assert not kept.exists()
    assert path.read_bytes() == before
    assert rows(path) == (1500, sum(range(1500)))


def test_a_block_that_was_written_whole_stays_as_it_is(path: Path) -> None:
    for number, block in written(path).items():
        with path.open("rb+") as file:
            os.pwrite(file.fileno(), block, offset(number))
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


@pytest.fixture
def twins(tmp_path: Path) -> tuple[Path, Path]:
    """Two copies of one warehouse that went different ways, and whose headers are the same all the same."""
    first, second = tmp_path / "one" / "warehouse.duckdb", tmp_path / "two" / "warehouse.duckdb"
    fill(first, 0)
    second.parent.mkdir()
    shutil.copy(first, second)
    for twin, start in ((first, 500), (second, 600)):
        fill(twin, start)
        with Warehouse(twin, host="h").opened():
            pass  # the metadata is kept at an open
    assert first.read_bytes()[:HEADERS] == second.read_bytes()[:HEADERS]
    assert first.read_bytes() != second.read_bytes()
    return first, second


def test_the_metadata_of_a_twin_is_never_put_back(twins: tuple[Path, Path]) -> None:
    """A home restored beside the metadata of the one that it replaces, or a copy of a home that went on."""
    first, second = twins
    shutil.copy(first, second)
    before = second.read_bytes()
    assert preimage.mend(second) == 0
    assert second.read_bytes() == before
    assert rows(second) == (1000, sum(range(1000)))


def test_a_torn_file_beside_the_metadata_of_a_twin_is_refused_and_left_as_it_is(twins: tuple[Path, Path]) -> None:
    first, second = twins
    kept = preimage.Kept.read(preimage.beside(second))
    assert kept is not None
    shutil.copy(first, second)
    for number in kept.blocks:
        garble(second, number, at=BLOCK - 4096)
    before = second.read_bytes()
    with pytest.raises(Corrupt, match="does not match") as refused:
        rows(second)
    assert "taskhouse restore" in refused.value.hint
    assert (second.read_bytes(), saved(second)) == (before, [])


def test_a_block_that_is_damaged_in_a_part_in_use_is_refused(path: Path) -> None:
    kept = preimage.Kept.read(preimage.beside(path))
    assert kept is not None
    number, (used, _) = next(iter(kept.blocks.items()))
    garble(path, number, at=8 + 4088 * (used.bit_length() - 1))
    before = path.read_bytes()
    with pytest.raises(Corrupt, match="Nothing was changed"):
        preimage.mend(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "damage", [0, 8, 28, 20_000, *(pytest.param(at, marks=pytest.mark.worlds) for at in (4, 12, 20, 40, 200_000))]
)
def test_kept_metadata_that_is_damaged_or_short_is_never_put_back(path: Path, damage: int) -> None:
    kept = preimage.beside(path)
    content = kept.read_bytes()
    tear(path)
    before = path.read_bytes()
    for broken in (content[:damage], content[:damage] + b"\xa5\x5a" + content[damage + 2 :]):
        kept.write_bytes(broken)
        assert preimage.mend(path) == 0
        assert path.read_bytes() == before
    with pytest.raises(Corrupt, match="cannot be opened"):
        rows(path)


def test_without_room_for_what_is_overwritten_nothing_is(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tear(path)
    before = path.read_bytes()

    def full(_: int) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(Full, match="No space left on device"):
            preimage.mend(path)
    assert (path.read_bytes(), saved(path)) == (before, [])
    assert rows(path) == (1500, sum(range(1500)))


def test_nothing_is_written_into_the_file_if_its_metadata_cannot_be_kept(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log of the killed writer could be brought into it when it is closed."""
    preimage.beside(path).unlink()
    before = path.read_bytes()
    with monkeypatch.context() as patch:
        patch.setattr(preimage.Kept, "write", Mock(side_effect=OSError(errno.ENOSPC, "No space left on device")))
        with pytest.raises(OSError, match="No space left on device"):
            rows(path)
    assert path.read_bytes() == before
    assert rows(path) == (1500, sum(range(1500)))


def test_what_restore_looks_at_or_numbers_changes_its_log_alone(path: Path) -> None:
    before = path.read_bytes()
    with Warehouse(path, host="h").as_it_is() as connection:
        connection.execute("INSERT INTO kept VALUES (1500)")
    assert path.read_bytes() == before
    assert rows(path) == (1501, sum(range(1501)))


def test_one_header_counts_for_each_time_that_a_file_is_attached(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With a second one, metadata of a header that was never kept would be written where it is."""

    def upgraded(connection: duckdb.DuckDBPyConnection, *_: object) -> None:
        for letter in "ab":
            connection.execute(f"INSERT INTO wide0 VALUES (1, repeat('{letter}', 17_000_000))")

    monkeypatch.setattr(migrate, "upgrade", upgraded)
    with Warehouse(path, host="h").transaction("the first one after an upgrade") as connection:
        connection.execute("INSERT INTO kept VALUES (1500)")
    assert headers_since_kept(path) == 1


def test_a_large_commit_goes_into_the_file_at_once_and_never_through_the_log(path: Path) -> None:
    with Warehouse(path, host="h").transactions("a load") as begin:
        with begin(last=True) as connection:
            connection.execute("INSERT INTO wide0 SELECT range, repeat('a', 100) FROM range(60_000)")
        log = path.with_name(f"{path.name}.wal")
        assert not log.exists() or log.stat().st_size < 10_000, "at most where its row groups are"
    assert headers_since_kept(path) == 1


def headers_since_kept(path: Path) -> int:
    """How many headers were written since the metadata was kept."""
    kept = preimage.Kept.read(preimage.beside(path))
    assert kept is not None
    now = path.read_bytes()[:HEADERS]
    return sum(kept.headers[at : at + 4096] != now[at : at + 4096] for at in (4096, 8192))


def test_a_file_that_may_not_be_written_is_left_to_duckdb(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tear(path)
    monkeypatch.setattr(os, "access", lambda *_: False)  # whoever is root may write everything
    before = path.read_bytes()
    assert preimage.mend(path) == 0
    assert path.read_bytes() == before


def test_a_file_that_somebody_else_has_open_is_left_alone(path: Path) -> None:
    hold = "import duckdb, sys; c = duckdb.connect(sys.argv[1], read_only=True); print(flush=True); input()"
    with subprocess.Popen([sys.executable, "-c", hold, path], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        damaged = tear(path)
        before = path.read_bytes()
        assert preimage.mend(path) == 0
        assert path.read_bytes() == before
        holder.communicate(b"\n")
    assert preimage.mend(path) == len(damaged)
