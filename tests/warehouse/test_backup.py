"""Backups: not copied twice, kept as long as was asked for, and held against their checksum when they are restored."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from taskhouse.clock import StoppedClock
from taskhouse.errors import ConfigurationError, Corrupt
from taskhouse.warehouse import identity
from taskhouse.warehouse.backup import Retention, backup
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.restore import find, restore
from tests.warehouse.test_identity import commit, count, opened

ALL = Retention()


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("template")
    commit(opened(folder))
    return folder


def test_a_backup_is_restored_into_an_empty_home(home: Warehouse, tmp_path: Path) -> None:
    done = backup(home, tmp_path / "backups", ALL)
    assert (done.fresh, done.left, done.identity.generation) == (True, 1, 1)
    assert done.path.stat().st_mode & 0o777 == 0o400
    other = opened(tmp_path / "elsewhere")
    other.path.parent.mkdir()
    restore(other, find(tmp_path / "backups", tmp_path / "nowhere"))
    assert count(other) == 1
    commit(other)


def test_a_folder_that_cannot_be_made_is_named(home: Warehouse) -> None:
    with pytest.raises(ConfigurationError, match="/proc/backups cannot be written"):
        backup(home, Path("/proc/backups"), ALL)


def test_a_commit_that_is_there_is_not_copied_again(home: Warehouse, tmp_path: Path) -> None:
    first = backup(home, tmp_path / "backups", ALL)
    again = backup(home, tmp_path / "backups", ALL)
    assert (again.path, again.fresh, again.left) == (first.path, False, 1)
    commit(home)
    assert (tmp_path / "backups" / ".draft-1").write_bytes(b"of a killed one")
    third = backup(home, tmp_path / "backups", Retention(last=1))
    assert (third.fresh, third.removed, third.left) == (True, 1, 1)
    assert not (tmp_path / "backups" / ".draft-1").exists()
    assert not first.path.exists()


def test_a_backup_that_is_not_as_it_was_written_is_refused(home: Warehouse, tmp_path: Path) -> None:
    path = backup(home, tmp_path / "backups", ALL).path
    path.chmod(0o600)
    with path.open("rb+") as file:
        file.seek(0, 2)
        file.write(b"x")
    commit(home)
    with pytest.raises(Corrupt, match="has changed since it was written"):
        restore(home, path, over=True)
    assert count(home) == 2
    assert not list(home.path.parent.glob(".*restore*"))


def test_a_folder_keeps_one_home_and_is_outside_of_it(home: Warehouse, tmp_path: Path) -> None:
    backup(home, tmp_path / "backups", ALL)
    commit(opened(tmp_path / "other"))
    with pytest.raises(ConfigurationError, match="backups of another home"):
        backup(opened(tmp_path / "other"), tmp_path / "backups", ALL)
    with pytest.raises(ConfigurationError, match="is inside the home"):
        backup(home, home.path.parent / "published", ALL)
    with pytest.raises(ConfigurationError, match="There is no history in"):
        backup(opened(tmp_path / "third"), tmp_path / "backups", ALL)
    assert len(identity.copies_in(tmp_path / "backups")) == 1


def test_retention_keeps_the_newest_of_days_and_weeks() -> None:
    end = datetime(2026, 11, 27, 12, tzinfo=UTC)  # a Friday
    made = [end - timedelta(hours=6 * number) for number in range(4 * 60)]

    def kept(**asked: int) -> list[str]:
        return [f"{moment:%m-%d %H}" for moment in sorted(Retention(**asked).keeps(made), reverse=True)]

    assert len(kept()) == len(made)
    assert kept(last=2) == ["11-27 12", "11-27 06"]
    assert kept(daily=3) == ["11-27 12", "11-26 18", "11-25 18"]
    assert kept(last=2, weekly=3) == ["11-27 12", "11-27 06", "11-22 18", "11-15 18"]


def test_a_backup_of_a_clock_that_was_ahead_is_no_newer_than_those_after_it(home: Warehouse, tmp_path: Path) -> None:
    now = home.clock.now()
    home.clock = StoppedClock(now + timedelta(days=40))
    ahead = backup(home, tmp_path / "backups", ALL)
    commit(home)
    home.clock = StoppedClock(now)
    after = backup(home, tmp_path / "backups", Retention(last=1))
    assert (after.removed, ahead.path.exists(), after.path.exists()) == (1, False, True)
