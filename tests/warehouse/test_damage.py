"""A damaged warehouse replaces no sound copy and no backup, and is taken back from one that can be read."""

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

from taskhouse.errors import ConfigurationError, Corrupt
from taskhouse.warehouse import damage, identity, maintenance, reading
from taskhouse.warehouse.backup import Retention, backup
from taskhouse.warehouse.blocks import BLOCK, offset
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.publish import publish
from taskhouse.warehouse.restore import find, restore
from tests.blank import blank
from tests.warehouse.test_identity import commit, count, opened, published

ONE = Retention(last=1)
LARGE = "CREATE TABLE raw.large AS SELECT hash(range) AS number FROM range(60000)"


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with a table that nothing but a full reading reads, and one published copy."""
    folder = tmp_path_factory.mktemp("template")
    blank(folder / "warehouse.duckdb")
    commit(opened(folder))
    with duckdb.connect(str(folder / "warehouse.duckdb")) as connection:
        connection.execute(LARGE)
    published(opened(folder))
    return folder


def place(path: Path) -> int:
    """Where a block begins that holds data of the large table."""
    with duckdb.connect(str(path), read_only=True) as connection:
        return offset(connection.execute("SELECT max(block_id) FROM pragma_storage_info('raw.large')").fetchall()[0][0])


def flip(path: Path) -> None:
    """Change a block of data."""
    at = place(path) + 100_000
    path.chmod(0o600)
    with path.open("rb+") as file:
        there = os.pread(file.fileno(), 64, at)
        os.pwrite(file.fileno(), bytes(byte ^ 0xFF for byte in there), at)


def cut(path: Path) -> None:
    at = place(path) + BLOCK // 2
    path.chmod(0o600)
    os.truncate(path, at)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if path.name[0] != ".")


@pytest.mark.parametrize("harm", [flip, cut])
def test_no_copy_and_no_backup_of_a_damaged_warehouse_replaces_a_sound_one(
    home: Warehouse, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    backups, copies = tmp_path / "backups", home.copies
    assert copies is not None
    backup(home, backups, ONE)
    commit(home)
    before = names(backups), names(copies)
    harm(home.path)
    for _ in range(2):
        with pytest.raises(Corrupt, match=r"is damaged: |cannot be opened: ") as problem:
            publish(home, copies, read=True)
        with pytest.raises(Corrupt, match=r"is damaged: |cannot be opened: "):
            backup(home, backups, ONE)
    assert "`taskhouse restore` restores" in problem.value.hint
    assert (names(backups), names(copies)) == before
    done = restore(home, find(None, copies))
    assert (done.taken and done.taken.generation, count(home)) == (1, 1)
    assert done.aside is not None


def test_what_a_publication_found_is_remembered_until_a_restore(home: Warehouse) -> None:
    assert home.copies is not None
    sound = home.path.read_bytes()
    flip(home.path)
    with home.reading("looking"):
        pass
    with pytest.raises(Corrupt, match="is damaged: "):
        publish(home, home.copies, read=True)
    with pytest.raises(Corrupt, match=r"is damaged: raw\.large"):
        commit(home)
    with pytest.raises(Corrupt, match=r"is damaged: raw\.large"), home.reading("looking"):
        pass
    before = home.path.stat()
    home.path.write_bytes(sound)
    os.utime(home.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    noted_at = damage.read_at(home.path)
    with pytest.raises(ConfigurationError, match="is sound"):
        restore(home, find(None, home.copies))
    read_at = damage.read_at(home.path)
    assert noted_at is not None
    assert read_at is not None
    assert read_at > noted_at
    assert count(home) == 1


def test_the_housekeeping_reads_what_no_publication_copies(home: Warehouse) -> None:
    assert home.copies is not None
    commit(home)
    publish(home, home.copies, read=True)
    first = damage.read_at(home.path)
    maintenance.read(home)
    second = damage.read_at(home.path)
    assert first is not None
    assert second is not None
    assert first < second
    before = home.path.stat()
    flip(home.path)
    os.utime(home.path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert publish(home, home.copies, read=True) is not None  # as if nothing were wrong
    with pytest.raises(Corrupt, match=r"is damaged: raw\.large"):
        maintenance.read(home)
    with pytest.raises(Corrupt, match=r"is damaged: raw\.large"):
        commit(home)


def test_a_file_that_was_cut_is_noticed_when_it_is_opened(home: Warehouse) -> None:
    cut(home.path)
    with pytest.raises(Corrupt, match=r"is damaged: it ends after [\d,]+ bytes, and"):
        commit(home)
    with pytest.raises(Corrupt, match="is damaged"), home.reading("looking"):
        pass


def test_nothing_is_downloaded_for_a_file_of_something_else(home: Warehouse, tmp_path: Path) -> None:
    assert home.copies is not None
    other = tmp_path / "other.db"
    with contextlib.closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE texts (number)")
    shutil.copyfile(other, home.path)
    with pytest.raises(Corrupt, match=r"cannot be opened: it is no DuckDB file\.") as problem:
        commit(home)
    assert "`taskhouse restore`" in problem.value.hint
    with pytest.raises(Corrupt, match="it is no DuckDB file"):
        restore(home, other)
    with pytest.raises(Corrupt, match="it is no DuckDB file"):
        reading.query(other, "FROM texts")
    restore(home, find(None, home.copies))
    asked = "SELECT DISTINCT value FROM duckdb_settings() WHERE name LIKE 'auto%_known_extensions'"
    with home.reading("looking") as connection:
        assert connection.execute(asked).fetchall() == [("false",)]
    assert reading.query(home.path, asked)[1] == [("false",)]
    with pytest.raises(ConfigurationError, match="httpfs"):
        reading.query(home.path, "FROM 'https://localhost:1/texts.parquet'")


def test_a_block_that_a_statement_cannot_read_is_called_damage(home: Warehouse) -> None:
    flip(home.path)
    with pytest.raises(Corrupt, match=r"is damaged: .*checksum"), home.reading("looking") as connection:
        connection.execute("SELECT bit_xor(number) FROM raw.large").fetchall()
    copy = identity.copies_in(home.copies)[0]
    flip(copy)
    with pytest.raises(Corrupt, match=r"is damaged: .*checksum") as problem:
        reading.query(copy, "SELECT bit_xor(number) FROM raw.large")
    assert "`taskhouse verify`" in problem.value.hint


def test_a_block_that_nothing_refers_to_may_be_damaged(home: Warehouse) -> None:
    at = place(home.path)
    with duckdb.connect(str(home.path)) as connection:
        connection.execute("CREATE TABLE raw.last AS SELECT hash(range + 7) AS number FROM range(60000)")
        connection.execute("CHECKPOINT")
        connection.execute("DROP TABLE raw.large")
        connection.execute("CHECKPOINT")
    with home.path.open("rb+") as file:
        os.pwrite(file.fileno(), b"torn", at + 100_000)
    assert damage.of(home.path) == ""
    with home.path.open("rb") as file:
        assert damage.cut(file) == ""


def test_what_is_damaged_is_not_restored(home: Warehouse, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    backups = tmp_path / "backups"
    first = backup(home, backups, Retention()).path
    commit(home)
    second = backup(home, backups, Retention()).path
    flip(second)
    second.with_suffix(".json").write_text(second.with_suffix(".json").read_text().replace('"sha256"', '"sha"'))
    assert find(backups, tmp_path) == first
    assert f"{second} is skipped, since it is damaged: raw.large: " in caplog.text
    with pytest.raises(Corrupt, match=r"is damaged: raw\.large"):
        restore(home, second, over=True)
    cut(first)
    first.with_suffix(".json").unlink()
    with pytest.raises(Corrupt, match=r"is damaged: it ends|cannot be opened"):
        restore(home, first, over=True)
    with pytest.raises(Corrupt, match="None of the 2 files"):
        find(backups, tmp_path)
    assert count(home) == 2


def test_a_damaged_copy_makes_no_backup_and_a_damaged_backup_is_written_anew(home: Warehouse, tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    first = backup(home, backups, ONE).path
    commit(home)
    second = backup(home, backups, Retention()).path
    for harm in (flip, cut):
        harm(second)
        again = backup(home, backups, Retention())
        assert (again.path, again.mended, again.left, damage.of(second)) == (second, True, 2, "")
    second.unlink()
    flip(identity.copies_in(home.copies)[0])
    with pytest.raises(Corrupt, match="published"):
        backup(home, backups, ONE)
    assert first.exists()


def test_a_twin_removes_no_backup_of_a_later_commit(home: Warehouse, tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    earlier = backup(home, backups, Retention()).path
    shutil.copytree(home.path.parent, tmp_path / "twin", symlinks=True)
    commit(home, 4)
    later = backup(home, backups, Retention()).path
    twin = opened(tmp_path / "twin")
    commit(twin)
    done = backup(twin, backups, ONE)
    assert (done.removed, earlier.exists(), later.exists(), done.path.exists()) == (0, True, True, True)
    assert set(done.others) == {earlier, later}


def test_a_twin_that_is_ahead_removes_no_backup_of_the_other(home: Warehouse, tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    shutil.copytree(home.path.parent, tmp_path / "twin", symlinks=True)
    ours = backup(home, backups, ONE).path
    twin = opened(tmp_path / "twin")
    commit(twin, 3)
    first = backup(twin, backups, ONE)
    commit(twin)
    second = backup(twin, backups, ONE)
    assert (first.removed, first.others, second.removed, second.others) == (0, (ours,), 1, (ours,))
    assert (ours.exists(), first.path.exists(), second.path.exists()) == (True, False, True)
    commit(home, 9)
    again = backup(home, backups, ONE)
    assert (again.removed, again.others, ours.exists()) == (1, (second.path,), False)


def test_a_home_that_was_copied_does_not_take_the_backups_of_the_other_for_its_own(
    home: Warehouse, tmp_path: Path
) -> None:
    backups = tmp_path / "backups"
    ours = backup(home, backups, ONE).path
    shutil.copytree(home.path.parent, tmp_path / "twin", symlinks=True)
    twin = opened(tmp_path / "twin")
    commit(twin)
    assert backup(twin, backups, ONE).others == (ours,)
    home.path.parent.rename(tmp_path / "moved")  # which is the same home
    moved = opened(tmp_path / "moved")
    commit(moved, 2)
    assert backup(moved, backups, ONE).removed == 1


def test_a_twins_backup_of_the_same_number_is_not_taken_for_ours(home: Warehouse, tmp_path: Path) -> None:
    backups = tmp_path / "backups"
    shutil.copytree(home.path.parent, tmp_path / "twin", symlinks=True)
    twin = opened(tmp_path / "twin")
    commit(home)
    with twin.transaction("another") as connection:
        connection.execute("CREATE TABLE raw.theirs AS SELECT 1")
    ours, theirs = (backup(one, backups, ONE) for one in (home, twin))
    assert ours.identity == theirs.identity
    assert (theirs.fresh, theirs.left, ours.path.exists()) == (True, 2, True)
    assert not backup(home, backups, Retention()).fresh
