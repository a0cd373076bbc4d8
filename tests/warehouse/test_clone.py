"""Generations are clones where the file system can clone: the same for readers, at a cost that follows the change."""

import errno
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import BinaryIO

import duckdb
import pytest

from taskhouse.clock import Clock
from taskhouse.errors import Corrupt
from taskhouse.warehouse import damage, identity, views
from taskhouse.warehouse.backup import Retention, backup
from taskhouse.warehouse.clone import clone
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.engine import connect
from taskhouse.warehouse.publish import Published, current, follow, publish
from taskhouse.warehouse.restore import find, restore
from tests.blank import blank
from tests.warehouse import reflinks
from tests.warehouse.test_damage import LARGE, flip
from tests.warehouse.test_identity import HOST, commit, count


class TestClock(Clock):
    """A clock that a test moves."""

    __test__ = False

    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 28, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def move(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


class Home:
    """A home on a clock of its own, where the copies are made at a test's word."""

    def __init__(self, folder: Path) -> None:
        self.clock = TestClock()
        self.copies = folder / "published"
        self.warehouse = Warehouse(
            blank(folder / "warehouse.duckdb"), host=HOST, lock_wait_s=5, copies=self.copies, clock=self.clock
        )
        commit(self.warehouse)

    def publish(self, **how: bool) -> Published:
        made = publish(self.warehouse, self.copies, **how)
        assert made is not None
        return made

    def changed(self, seconds: float) -> Published:
        """What is published some seconds later, after another commit."""
        self.clock.move(seconds)
        commit(self.warehouse)
        return self.publish()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """One whose file system clones, which is played."""
    reflinks.play(monkeypatch)
    return Home(tmp_path)


@pytest.fixture
def real(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Home]:
    """One on a file system that does clone."""
    with reflinks.mounted(request.param, tmp_path) as folder:
        assert reflinks.clones(folder)
        yield Home(folder)


@pytest.mark.parametrize("real", ["xfs"], indirect=True)
def test_a_real_clone_takes_no_space_and_is_the_warehouse_for_readers_and_for_a_restore(
    real: Home, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with real.warehouse.transaction("a large table") as connection:
        connection.execute("CREATE TABLE raw.large AS SELECT hash(range) AS number FROM range(1_000_000)")
    os.sync()
    free = shutil.disk_usage(real.copies.parent).free
    made = real.publish()
    os.sync()
    size = real.warehouse.path.stat().st_size
    assert (made.method, size > 8_000_000) == ("clone", True)
    views_take = made.bytes - size
    assert 0 < views_take < 2_000_000
    assert (
        free - shutil.disk_usage(real.copies.parent).free < size / 10 + 2 * views_take
    )  # twice: in the copy and the template
    assert made.path.stat().st_mode & 0o777 == 0o400
    monkeypatch.chdir(tmp_path)
    with duckdb.connect(str(real.copies / "current.duckdb"), read_only=True) as reader:
        commit(real.warehouse)
        views = reader.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal AND schema_name = 'main'")
        for (view,) in views.fetchall():
            reader.execute(f"SELECT count(*) FROM {view}")
        assert reader.execute("SELECT count(DISTINCT number) FROM raw.large").fetchall() == [(1_000_000,)]
        assert reader.execute("SELECT count(*) FROM raw.task_usage").fetchall() == [(1,)]
    real.warehouse.path.unlink()
    restore(real.warehouse, find(None, real.copies))
    assert count(real.warehouse) == 1


def _write(home: Home, meanwhile: Callable[[], object] = lambda: None) -> None:
    with home.warehouse.transaction("writing two tables") as connection:
        connection.execute("UPDATE raw.one SET number = number + 1")
        meanwhile()
        connection.execute("UPDATE raw.other SET number = number + 1")


def _numbers(path: Path) -> set[tuple[int]]:
    with duckdb.connect(str(path), read_only=True) as reader:
        return {*reader.execute("SELECT number FROM raw.one UNION SELECT number FROM raw.other").fetchall()}


@pytest.mark.parametrize("real", ["btrfs"], indirect=True)
def test_a_real_clone_made_beside_a_writer_is_one_moment_of_all_tables(
    real: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    with real.warehouse.transaction("making two tables") as connection:
        for name in ("one", "other"):
            connection.execute(f"CREATE TABLE raw.{name} AS SELECT 0 AS number, repeat('x', 1000) FROM range(2000)")
    made: list[Published] = []
    publishing = threading.Thread(target=lambda: made.append(real.publish(force=True)))

    def ask() -> None:
        publishing.start()
        publishing.join(0.2)
        assert publishing.is_alive(), "it waits for the writer"

    _write(real, ask)
    publishing.join()
    assert _numbers(made[0].path) == {(1,)}

    writing = threading.Thread(target=lambda: _write(real))

    def cloning(source: BinaryIO, target: BinaryIO) -> bool:
        writing.start()
        writing.join(0.2)
        assert writing.is_alive(), "the writer waits for the clone"
        return clone(source, target)

    _write(real)
    monkeypatch.setattr("taskhouse.warehouse.publish.clone", cloning)
    real.clock.move(1)
    made.append(real.publish(force=True))
    writing.join()
    assert _numbers(made[1].path) == {(2,)}
    monkeypatch.undo()
    real.clock.move(1)
    made.append(real.publish(force=True))
    assert _numbers(made[2].path) == {(3,)}
    assert [each.method for each in made] == ["clone"] * 3


@pytest.mark.parametrize("code", ["EOPNOTSUPP", "EXDEV", "EINVAL", "ENOTTY"])
def test_where_a_clone_is_refused_a_copy_is_made_as_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    reflinks.refuse(monkeypatch, getattr(errno, code))
    home = Home(tmp_path)
    made = home.publish()
    assert (made.method, made.read, made.rest_s) == ("copy", True, 300)
    with connect(made.path, read_only=True) as reader:
        assert views.current(reader)
    assert home.changed(299).path == made.path
    follow(home.warehouse)
    assert home.publish().path == made.path
    assert home.changed(2).fresh


def test_clones_follow_each_change_at_the_pace_of_their_own_cost(home: Home) -> None:
    first = home.publish()
    assert (first.method, first.rest_s) == ("clone", 10)
    assert not home.changed(9).fresh
    assert home.changed(2).fresh
    facts = first.path.with_suffix(".json")
    assert '"method": "clone"' in facts.read_text()
    facts = home.publish().path.with_suffix(".json")
    facts.write_text(facts.read_text().replace('"rest_s": 10', '"rest_s": 77'))  # as if it had taken 1.5 s
    assert not home.changed(70).fresh
    assert home.changed(8).fresh


def test_a_change_is_followed_without_a_wait_and_only_if_there_is_one(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(home.warehouse)
    assert current(home.copies) is None
    first = home.publish()
    home.clock.move(11)
    with monkeypatch.context() as patch:
        patch.setattr(Warehouse, "still", lambda *_: pytest.fail("nothing changed"))
        follow(home.warehouse)
    commit(home.warehouse)
    with home.warehouse.reading("a long look"):
        began = time.monotonic()
        follow(home.warehouse)
        assert time.monotonic() - began < 1
    assert (found := current(home.copies)) is not None
    assert found.path == first.path
    follow(home.warehouse)
    assert (found := current(home.copies)) is not None
    assert identity.Identity.beside(found.path) == identity.Identity.beside(home.warehouse.path)


@pytest.mark.worlds
def test_all_blocks_are_read_every_few_minutes_however_often_clones_are_made(home: Home) -> None:
    made = [home.publish(), *(home.changed(100) for _ in range(6))]
    assert [place for place, each in enumerate(made) if each.read] == [0, 3, 6]
    assert [each.method for each in made] == ["clone"] * 7
    for seconds in (150, 145):
        home.clock.move(seconds)
        commit(home.warehouse)
        follow(home.warehouse)
        assert (last := current(home.copies)) is not None
        assert not last.read, "whoever stores does not wait for that"
    assert not home.publish().fresh
    home.clock.move(5)
    made.append(home.publish())
    assert made[-1].read, "but the schedule does, even if the last clone is young and nothing changed"
    assert home.publish(read=True).path == made[-1].path
    home.clock.move(1)
    commit(home.warehouse)
    assert home.publish(read=True).read
    home.changed(20)
    assert home.publish(read=True).read, "what is unread is read, even if nothing changed"


def test_a_copy_with_blocks_of_its_own_stays_and_old_clones_go(home: Home) -> None:
    home.publish()
    own = home.publish(own=True)
    assert (own.method, own.read, own.rest_s) == ("copy", True, 10)
    assert home.publish(own=True).path == own.path
    made = [home.changed(110) for _ in range(8)]
    assert [place for place, each in enumerate(made) if each.read] == [2, 5]
    left = identity.copies_in(home.copies)
    expected = [made[place] for place in (7, 6, 5, 4, 2)]
    assert left == [*(each.path for each in expected), own.path], "two were read, readers may know four by name"
    assert sum(path.suffix == ".json" for path in home.copies.iterdir()) == len(left)


def test_a_damaged_warehouse_is_found_soon_and_the_sound_generations_stay(home: Home, tmp_path: Path) -> None:
    with home.warehouse.transaction("a table that nothing but a full reading reads") as connection:
        connection.execute(LARGE)
    sound = home.publish(own=True)
    flip(home.warehouse.path)
    assert home.changed(60).fresh
    with pytest.raises(Corrupt, match=r"The warehouse .* is damaged: "):
        backup(home.warehouse, tmp_path.parent / f"{tmp_path.name}-backups", Retention())
    damage.forget(home.warehouse.path)
    with pytest.raises(Corrupt, match=r"The warehouse .* is damaged: "):
        home.changed(300)
    with pytest.raises(Corrupt, match="is damaged: "):
        commit(home.warehouse)
    assert find(None, home.copies) == sound.path


UNSET = 64 if duckdb.__version__.startswith("1.") else 0
"""Bytes between the texts of a block that DuckDB 1 leaves as the memory had them."""


def _differing(one: bytes, other: bytes) -> int:
    assert len(one) == len(other)
    return sum(left != right for left, right in zip(one, other, strict=True)) if one != other else 0


@pytest.mark.parametrize("cloned", [True, pytest.param(False, marks=pytest.mark.worlds)])
def test_a_publication_that_is_killed_at_any_step_leaves_what_readers_had_and_the_next_one_heals(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, cloned: bool
) -> None:
    (reflinks.play if cloned else reflinks.refuse)(monkeypatch)
    home = Home(tmp_path / "home")
    home.publish()
    commit(home.warehouse)
    images: list[Path] = []

    def image() -> None:
        images.append(tmp_path / f"image-{len(images)}")
        shutil.copytree(home.copies, images[-1], symlinks=True)

    def stepwise(owner: object, name: str) -> None:
        step = getattr(owner, name)

        def seen(*given: object, **named: object) -> object:
            image()
            return step(*given, **named)

        monkeypatch.setattr(owner, name, seen)

    for owner, name in ((os, "fsync"), (Path, "replace"), (Path, "chmod"), (Path, "symlink_to"), (Path, "unlink")):
        stepwise(owner, name)
    home.clock.move(400)
    newest = home.publish(own=True)
    monkeypatch.undo()
    image()
    assert len(images) > 8
    held = set()
    for folder in images:
        found = current(folder)
        assert found is not None
        held.add(identity.Identity.beside(found.path).generation)  # type: ignore[union-attr]
        assert damage.of(found.path) == ""
        healed = publish(home.warehouse, folder, read=True)
        assert healed is not None
        assert _differing(healed.path.read_bytes(), newest.path.read_bytes()) <= UNSET
        assert not [path for path in folder.iterdir() if path.name.startswith(".")]
    assert held == {1, 2}
