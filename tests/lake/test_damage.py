"""Files of the lake that are gone or damaged: all are named, and what they had comes back from the shards."""

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from filelock import FileLock

import taskhouse
from taskhouse.errors import ConfigurationError, Locked, Retryable
from taskhouse.lake import upkeep
from taskhouse.lake.damage import Checked, Damaged, take_out
from taskhouse.lake.engine import Lake, connect
from taskhouse.lake.publish import opened
from taskhouse.lake.service import claimed, publish_once
from taskhouse.lake.tables import SHARED
from taskhouse.lake.verify import verify
from tests.lake.buckets import PLACES, Folder, ObjectStorage
from tests.lake.compared import differs
from tests.lake.homes import Home
from tests.lake.parquet import files_in
from tests.lake.test_publish import shard_of
from tests.lake.test_upkeep import wrong

WHOLE = ("raw.run_versions", "ledger.gaps")
"""Tables whose files stay as they are."""

FILES = "SELECT data_file FROM ducklake_list_files('lake', '{}', schema => '{}') ORDER BY ALL"


def files_of(lake: Lake, name: str) -> list[Path]:
    """The files of a table."""
    schema, _, table = name.partition(".")
    connection = connect(lake, read_only=True)
    try:
        return [Path(path) for (path,) in connection.execute(FILES.format(table, schema)).fetchall()]
    finally:
        connection.close()


def lose(files: Folder | ObjectStorage, path: Path) -> None:
    """Delete a file."""
    files.delete(path)


def flip(files: Folder | ObjectStorage, path: Path) -> None:
    """Change bytes in the middle of a file."""
    held = bytearray(files.read(path))
    for place in range(len(held) // 2 - 40, len(held) // 2 + 40):
        held[place] ^= 0xFF
    files.write(path, bytes(held))


def cut(files: Folder | ObjectStorage, path: Path) -> None:
    """Lose the second half of a file."""
    held = files.read(path)
    files.write(path, held[: len(held) // 2])


def looked(home: Home) -> tuple[set[Path], set[str]]:
    """What `taskhouse lake verify` finds: the files that it cannot read, and the tables that differ."""
    found = verify(home.settings)[1]
    return {Path(one.path) for table in found for one in table.damaged}, {one.table for one in found if one.differs}


SOUND = set[Path](), set[str]()
"""What it finds if nothing is wrong."""


def two_homes(lake: Lake, make_home: Callable[..., Home], *, full: bool = False) -> tuple[Home, Home]:
    """Two shards whose rows share the files of the lake."""
    homes = make_home("one", lake, full=full), make_home("two", lake, project=2, full=full)
    for home in homes:
        with claimed(home.settings) as publisher:
            for _ in range(3):
                home.change(rows=150)
                publisher.publish()
    upkeep.compact(homes[0].settings)
    return homes


@PLACES
def test_what_was_lost_comes_back(lake: Lake, files: Folder | ObjectStorage, make_home: Callable[..., Home]) -> None:
    """Of every table with a file of both shards, the file is gone, has flipped bytes, or is cut."""
    one, two = two_homes(lake, make_home)
    assert (looked(one), looked(two)) == (SOUND, SOUND)
    harms = itertools.cycle([lose, flip, cut])
    tables = [table.name for table in SHARED if table.name not in WHOLE]
    broken = {file for name in tables for file in files_of(lake, name)}
    assert len(broken) > 5
    published, marks = set(files_of(lake, "shards.published")), set(files_of(lake, "shards.mark_two"))
    running = shard_of(two, lake)
    running.tick()
    for path in sorted(broken | published | marks):
        next(harms)(files, path)
    assert looked(two)[0] == broken | published | marks
    cannot_read, others = looked(one)
    assert cannot_read == broken | published
    assert not others & {*WHOLE}, "the others are compared"

    done = upkeep.rebuild(one.settings)
    assert {Path(each.path) for each in done.damaged} == broken | published | marks
    assert done.others == ("two",)
    assert looked(one) == SOUND
    assert differs(lake, one) == {}
    assert differs(lake, two)
    two.change()
    with pytest.raises(duckdb.TransactionException, match="the marks of this shard are gone"):
        running.tick()
    running.tick()
    assert differs(lake, two) == {}
    running.close()
    for home in (one, two):
        home.change(rows=200)
        publish_once(home.settings)
        assert wrong(home) == {}
    upkeep.rewrite(one.settings)
    assert (differs(lake, one), differs(lake, two)) == ({}, {})
    assert not any(files.has(path) for path in broken | published | marks)


@pytest.mark.parametrize("name", ["raw.run_events", "mart.messages"])
def test_another_shard_publishes_what_it_lost_by_itself(
    sqlite: Lake, make_home: Callable[..., Home], name: str
) -> None:
    two, one = two_homes(sqlite, make_home, full=name.startswith("mart"))
    with opened(shard_of(two, sqlite)) as running:
        running.tick()
        for path in files_of(sqlite, name):
            path.unlink()
        others = upkeep.rebuild(one.settings).others
        assert others == (("one",) if one.shard == "two" else ("two",))
        two.change()
        assert running.tick().rows
        assert (differs(sqlite, one), differs(sqlite, two)) == ({}, {})
        assert running.tick().rows == 0


@pytest.mark.parametrize("name", ["mart.messages", "mart.runs"])
def test_a_shard_without_a_new_copy_publishes_again_and_doubles_nothing(
    sqlite: Lake, make_home: Callable[..., Home], name: str
) -> None:
    two, one = make_home("one", sqlite), make_home("two", sqlite, project=2)
    for home in (one, two):
        publish_once(home.settings)  # all of it, from one commit
    upkeep.compact(one.settings)
    for path in files_of(sqlite, name):
        path.unlink()
    assert upkeep.rebuild(one.settings).others == (two.shard,)
    publish_once(two.settings)
    for home in (one, two):
        assert (wrong(home), differs(sqlite, home)) == ({}, {})


def test_a_file_that_was_replaced_by_another_one_is_taken_out(sqlite: Lake, make_home: Callable[..., Home]) -> None:
    one, two = two_homes(sqlite, make_home)
    [file, *_] = files_of(sqlite, "raw.run_versions")
    rows = f"SELECT * REPLACE (upper(branch) || ' again' AS branch) FROM read_parquet('{file}')"
    duckdb.execute(f"COPY ({rows}) TO '{file}.new'")
    Path(f"{file}.new").replace(file)
    assert looked(one)[0] == {file}
    assert [Path(each.path) for each in upkeep.rebuild(one.settings).damaged] == [file]
    publish_once(two.settings)
    assert (differs(sqlite, one), differs(sqlite, two)) == ({}, {})


def test_marks_that_are_lost_double_nothing(
    sqlite: Lake, make_home: Callable[..., Home], ask: Callable[[Lake, str], list[Any]]
) -> None:
    one, two = two_homes(sqlite, make_home)
    for path in files_of(sqlite, "shards.mark_two"):
        path.unlink()
    with pytest.raises(Retryable, match=r"`taskhouse lake verify` names every file"):
        publish_once(two.settings)
    assert upkeep.rebuild(one.settings).others == ("two",)
    publish_once(two.settings)
    assert (differs(sqlite, one), differs(sqlite, two)) == ({}, {})
    rows = "SELECT count(*), count(DISTINCT lake_row) FROM lake.raw.run_versions WHERE lake_shard = 'two'"
    [(count, numbers)] = ask(sqlite, rows)
    assert count == numbers


def test_a_folder_that_is_not_mounted_is_no_damage(sqlite: Lake, make_home: Callable[..., Home]) -> None:
    one, _ = two_homes(sqlite, make_home)
    assert isinstance(sqlite.data, Path)
    with taskhouse.open(lake=sqlite.address) as reader:
        away = sqlite.data.rename(sqlite.data.with_name("away"))
        with pytest.raises(Retryable, match=r"^Reading the lake failed: .* `taskhouse lake verify` names every file"):
            reader.records("SELECT count(payload) FROM raw.run_events")
    with pytest.raises(ConfigurationError, match=r"^None of the \d+ files of the lake in .* can be read\."):
        upkeep.rebuild(one.settings)
    assert files_in(sqlite) == {}
    shutil.rmtree(sqlite.data)
    away.rename(sqlite.data)
    assert wrong(one) == {}


def test_a_file_that_this_user_may_not_read_stays_in_the_lake() -> None:
    said = 'IO Error: Cannot open file "/srv/lake/one.parquet": Permission denied'
    one = Damaged("raw.run_events", "/srv/lake/one.parquet", said, 1, "a", "b")
    with (
        duckdb.connect() as connection,
        pytest.raises(ConfigurationError, match=r"^The file /srv/lake/one\.parquet of the lake cannot be read: IO"),
    ):
        take_out(connection, Checked(9, (one,)), "/srv/lake")


def test_one_process_of_a_home_looks_after_the_lake(
    sqlite: Lake, make_home: Callable[..., Home], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "LOCAL_WAIT_S", 0.1)
    home = make_home("one", sqlite, full=False)
    with (
        FileLock(home.settings.home / "lake.upkeep.lock"),
        pytest.raises(Locked, match=r"^Another process of .*/one looks after the lake\."),
    ):
        upkeep.compact(home.settings)
