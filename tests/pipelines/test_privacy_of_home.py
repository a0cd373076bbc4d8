"""Nobody but its owner reads a home; of the published copies, a group that the settings name."""

import grp
import os
import shutil
import stat
from pathlib import Path
from typing import Any

import pytest

from taskhouse import home as homes
from taskhouse.errors import ConfigurationError
from taskhouse.search import index
from taskhouse.settings import Settings
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.publish import publish

GROUP = grp.getgrgid(os.getgid()).gr_name


def modes(folder: Path) -> dict[str, int]:
    """The permissions of a folder and of all below it, links left out."""
    found = [folder, *(path for path in folder.rglob("*") if not path.is_symlink())]
    return {str(path.relative_to(folder)): stat.S_IMODE(path.stat().st_mode) for path in found}


def closed(folder: Path) -> set[tuple[str, int]]:
    """What has other permissions than it should have, if only the owner may read."""
    return {
        (name, mode)
        for name, mode in modes(folder).items()
        if mode != (0o700 if (folder / name).is_dir() else 0o400 if name.startswith("published/") else 0o600)
        and not (name.startswith("published/") and name.endswith(".json") and mode == 0o600)
    }


def test_all_that_a_sync_makes_is_for_its_owner_alone(synced: Any) -> None:
    found = modes(synced.home)
    assert {"warehouse.duckdb", "spool", "dagster/dagster.yaml", "locks", "published"} <= set(found)
    assert closed(synced.home) == set()


def test_a_home_that_others_can_read_is_tightened_once_and_nothing_else_in_it(
    synced: Any, taskhouse: Any, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    shutil.copytree(synced.home, home, symlinks=True)
    for path in [home, *home.rglob("*")]:
        if not path.is_symlink():
            path.chmod(0o755 if path.is_dir() else 0o644)
    variables = {**synced.environment, "TASKHOUSE_HOME": str(home)}
    first, second = taskhouse.run("check", **variables), taskhouse.run("check", **variables)
    assert (first.code, second.code) == (0, 0), first
    warning = "from now on only their owner can"
    assert (warning in first.err, warning in second.err) == (True, False)
    assert closed(home) == set()


def test_of_a_folder_that_holds_other_things_only_ours_is_tightened(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    for name in ("warehouse.duckdb", "letter.txt"):
        (tmp_path / name).write_text("x", encoding="utf-8")
    homes.ready(Settings(_env_file=None, home=tmp_path))
    assert modes(tmp_path) == {".": 0o755, "warehouse.duckdb": 0o600, "letter.txt": 0o644}


def test_a_group_reads_the_copies_and_nothing_else(tmp_path: Path) -> None:
    home = tmp_path / "home"
    settings = Settings(_env_file=None, home=home, readers_group=GROUP)
    alone = Settings(_env_file=None, home=home)
    warehouse = Warehouse(settings.warehouse, host="h")
    for which, folder, copy, own in ((settings, 0o2750, 0o440, 0o710), (alone, 0o700, 0o400, 0o700)):
        homes.ready(which)
        with warehouse.transaction("filling") as connection:
            connection.execute(f"CREATE TABLE t{own} (a INT)")
        made = publish(warehouse, which.published, force=True)
        assert made is not None
        index.update(which.published, which.clock, create=True)
        homes.ready(which)
        assert stat.S_IMODE(home.stat().st_mode) == own
        assert stat.S_IMODE(which.published.stat().st_mode) == folder
        assert {stat.S_IMODE(path.stat().st_mode) for path in which.published.glob("*Z.duckdb")} == {copy}
        assert made.path.stat().st_gid == os.getgid()
        assert stat.S_IMODE((which.published / "search.sqlite").stat().st_mode) == copy | 0o200


def test_a_group_that_cannot_be_given_the_copies_is_an_error_that_names_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigurationError, match="TASKHOUSE_READERS_GROUP is not a group"):
        homes.ready(Settings(_env_file=None, home=tmp_path, readers_group="nobody-is-called-so"))

    def refused(*_: object) -> None:
        raise PermissionError

    other = next(group for group in grp.getgrall() if group.gr_gid != os.getgid())
    monkeypatch.setattr(os, "chown", refused)
    with pytest.raises(ConfigurationError, match=f"TASKHOUSE_READERS_GROUP is {other.gr_name}"):
        homes.ready(Settings(_env_file=None, home=tmp_path, readers_group=other.gr_name))


def test_what_is_written_elsewhere_is_for_its_owner_alone(synced: Any, inside: Any, tmp_path: Path) -> None:
    homes.close()  # as the command does, before all else
    words = (
        ("report", "-o", str(tmp_path / "out" / "report.html")),
        ("query", "FROM tasks", "-f", "parquet", "-o", str(tmp_path / "out" / "rows.parquet")),
        ("query", "FROM tasks", "-f", "csv", "-o", str(tmp_path / "out" / "rows.csv")),
        ("export", str(tmp_path / "export")),
    )
    (tmp_path / "out").mkdir(mode=0o755)
    (tmp_path / "out" / "rows.csv").touch(mode=0o644)
    for each in words:
        assert inside.run(*each, **synced.environment).code == 0
    written = [path for name in ("out", "export") for path in (tmp_path / name).rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in written if path.is_file()} == {0o600}
    assert {stat.S_IMODE(path.stat().st_mode) for path in written if path.is_dir()} == {0o700}


def test_a_report_in_the_home_is_for_its_owner_alone(synced: Any, taskhouse: Any) -> None:
    assert taskhouse.run("report", **synced.environment).code == 0
    assert modes(synced.home / "reports") == {".": 0o700, "readiness.html": 0o600}
