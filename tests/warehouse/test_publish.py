"""Copies for readers: whole, regardless of who else has the warehouse open."""

import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from taskhouse.errors import Full, Locked
from taskhouse.warehouse import drafts, identity, views
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.publish import current, publish, readable
from taskhouse.warehouse.reading import connected, query
from tests.blank import blank
from tests.warehouse import reflinks

FOREIGN = "import duckdb, sys; duckdb.connect(sys.argv[1]).execute('CREATE TABLE theirs AS SELECT 1')"
HOLDER = "import duckdb, sys; held = duckdb.connect(sys.argv[1], read_only=True); print(flush=True); sys.stdin.read()"


def _write(path: Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", FOREIGN, str(path)], capture_output=True, text=True, timeout=60, check=False
    )


GROUPS = """
SELECT list(size ORDER BY row_group)
FROM (
    SELECT row_group_id AS row_group, max(start + count) - min(start) AS size
    FROM pragma_storage_info('raw.numbers')
    WHERE segment_type <> 'VALIDITY'
    GROUP BY row_group_id
)
"""


def test_row_groups_are_small_and_a_copy_has_the_same(warehouse: Warehouse, tmp_path: Path) -> None:
    for _ in range(2):
        with warehouse.transaction("making it") as connection:
            connection.execute("CREATE TABLE IF NOT EXISTS raw.numbers (number BIGINT)")
            connection.execute("INSERT INTO raw.numbers SELECT * FROM range(30000)")
    published = publish(warehouse, tmp_path / "published", force=True)
    assert published is not None
    with warehouse.reading("looking") as connection:
        (groups,) = connection.execute(GROUPS).fetchall()[0]
    assert (sum(groups), max(groups)) == (60_000, 20_480)
    assert query(published.path, GROUPS)[1] == [(groups,)]


def test_nobody_writes_the_file_while_it_is_copied(warehouse: Warehouse) -> None:
    with warehouse.transaction("making it"):
        pass
    with warehouse.still("copying") as (file, _):
        assert file.read(1)
        assert "lock" in _write(warehouse.path).stderr
    assert _write(warehouse.path).returncode == 0


def test_while_somebody_holds_the_file_the_last_copy_stays(warehouse: Warehouse, tmp_path: Path) -> None:
    with warehouse.transaction("making it"):
        pass
    first = publish(warehouse, tmp_path / "published", force=True)
    assert first is not None
    assert _write(warehouse.path).returncode == 0
    impatient = Warehouse(warehouse.path, host=warehouse.host, lock_wait_s=0.2)
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(warehouse.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(Locked, match=f"process {holder.pid}"):
            publish(impatient, tmp_path / "published", force=True)
        assert readable(tmp_path / "published") == first.path
        holder.kill()
    second = publish(warehouse, tmp_path / "published", force=True)
    assert second is not None
    assert query(second.path, "FROM theirs")[1] == [(1,)]


def test_a_young_copy_with_the_views_of_another_version_is_replaced(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, of_before = tmp_path / "published", views.statement
    blank(warehouse.path)
    publish(warehouse, folder)
    monkeypatch.setattr(views, "statement", lambda name: of_before(name) + "\n-- newer" * (name == "tasks"))
    upgraded = Warehouse(warehouse.path, host=warehouse.host)
    made, again = publish(upgraded, folder), publish(upgraded, folder)

    assert made is not None
    assert again is not None
    assert (made.fresh, again.fresh, again.path) == (True, False, made.path)
    with connected(made.path) as connection:
        assert views.current(connection)


def test_a_copy_whose_facts_are_lost_is_as_old_as_its_name_says(warehouse: Warehouse, tmp_path: Path) -> None:
    with warehouse.transaction("making it"):
        pass
    first = publish(warehouse, tmp_path / "published", force=True)
    assert first is not None
    for text in ("", "[]", '{"made_at": 5}'):
        first.path.with_suffix(".json").write_text(text, encoding="utf-8")
        found = current(tmp_path / "published")
        assert found is not None
        assert found.made_at == first.made_at
    shutil.copyfile(first.path, tmp_path / "published" / "mine.duckdb")
    drafts.point(tmp_path / "published" / "current.duckdb", "mine.duckdb")
    mine = current(tmp_path / "published")
    assert mine is not None
    assert mine.made_at >= first.made_at


def test_a_copy_that_finds_no_room_leaves_nothing_and_the_last_one_stays(
    warehouse: Warehouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object, target: BinaryIO, *__: object) -> None:
        target.write(b"half")
        raise OSError(errno.ENOSPC, "No space left on device")

    reflinks.refuse(monkeypatch)
    with warehouse.transaction("making it"):
        pass
    folder = tmp_path / "published"
    first = publish(warehouse, folder, force=True)
    assert first is not None
    with warehouse.transaction("changing it") as connection:
        connection.execute("CREATE TABLE theirs AS SELECT 1")
    with monkeypatch.context() as patch:
        patch.setattr(shutil, "copyfileobj", full)
        with pytest.raises(Full, match="not enough disk space for another copy"):
            publish(warehouse, folder, force=True)
    assert readable(folder) == first.path
    assert list(folder.glob(".*")) == []


def test_what_killed_processes_left_of_a_copy_is_removed_by_the_next_one(warehouse: Warehouse, tmp_path: Path) -> None:
    with warehouse.transaction("making it"):
        pass
    folder = tmp_path / "published"
    folder.mkdir()
    (folder / ".draft-4711").write_bytes(b"half")
    (folder / ".link-4712").symlink_to("nowhere.duckdb")
    for name in (".draft-4711.json", "20260101T000000000000Z.json"):
        (folder / name).write_text("{}", "utf-8")
    made = publish(warehouse, folder, force=True)
    assert made is not None
    assert sorted(path.name for path in folder.iterdir()) == sorted(
        [made.path.name, made.path.with_suffix(".json").name, "current.duckdb"]
    )


def test_a_copy_from_a_clock_that_was_ahead_is_neither_young_nor_the_newest(
    warehouse: Warehouse, tmp_path: Path
) -> None:
    folder = tmp_path / "published"
    with warehouse.transaction("making it"):
        pass
    first = publish(warehouse, folder, force=True)
    assert first is not None
    ahead = first.path.with_name("20991231T000000000000Z.duckdb")
    about = json.loads(first.path.with_suffix(".json").read_text()) | {"made_at": "2099-12-31T00:00:00+00:00"}
    ahead.with_suffix(".json").write_text(json.dumps(about))
    first.path.rename(ahead)
    first.path.with_suffix(".json").unlink()
    drafts.point(folder / "current.duckdb", ahead.name)
    with warehouse.transaction("changing it") as connection:
        connection.execute("CREATE TABLE theirs AS SELECT 1")
    second = publish(warehouse, folder)
    assert second is not None
    assert second.fresh
    assert identity.copies_in(folder) == [second.path, ahead]
    assert readable(folder) == second.path
