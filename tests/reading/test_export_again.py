"""A second export writes what changed and nothing else, and gives what an export into an empty folder gives."""

import copy
import json
import re
import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from taskhouse.export import Export, export
from taskhouse.marts import VIEWS
from taskhouse.marts.keys import KEYS
from taskhouse.reading import Snapshot
from taskhouse.warehouse import parquet
from taskhouse.warehouse.reading import Reader
from tests.report.world import LAST, World, walk, with_runs, with_work

SOME = ("readiness", "runs", "run_attempts", "run_daily", "run_history", "tasks", "ledger.passes")


def made() -> World:
    world = with_work(with_runs(walk(["acme/web", "acme/api"], days=9), days=3))
    other = with_runs(walk(["beta/one"], days=6, project=2), days=1)
    for table, rows in other.tables.items():
        world.tables[table] += [{**row, "project_id": 2} for row in rows]
    world.add("ledger.quarantine", project_id=None, resource="spool", first_seen_at=LAST, reason="x", found_in="x")
    return world


@pytest.fixture(scope="module")
def world() -> World:
    return made()


@pytest.fixture(scope="module")
def house(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Snapshot]:
    with world.open(tmp_path_factory.mktemp("home")) as snapshot:
        yield snapshot


@pytest.fixture(scope="module")
def whole(house: Snapshot, tmp_path_factory: pytest.TempPathFactory) -> Export:
    """Every view."""
    return export(tmp_path_factory.mktemp("whole") / "out", house)


def changed(world: World, home: Path, **tables: list[dict[str, Any]]) -> Snapshot:
    """A world in which some tables hold other rows."""
    later = World(copy.deepcopy(world.tables) | {name.replace("_", ".", 1): rows for name, rows in tables.items()})
    return later.open(home)


def stamps(folder: Path) -> dict[str, tuple[int, int]]:
    """When every file was written, and which it is."""
    return {
        path.relative_to(folder).as_posix(): (path.stat().st_mtime_ns, path.stat().st_ino)
        for path in folder.rglob("*")
        if path.is_file()
    }


def contents(done: Export) -> dict[str, list[Any]]:
    """Rows of every file, in their order."""
    with duckdb.connect() as connection:
        return {
            file.path: connection.execute(f"FROM read_parquet('{done.folder}/{file.path}')").fetchall()
            for file in done.files
        }


def digests(done: Export) -> dict[str, str]:
    return {file.path: file.sha256 for file in done.files}


def test_an_export_without_a_change_leaves_every_file_and_computes_nothing(
    house: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = export(tmp_path / "out", house, tables=SOME)
    assert first.written == tuple(sorted(file.path for file in first.files))
    before = stamps(tmp_path / "out")
    monkeypatch.setattr(parquet, "write", lambda *_, **__: pytest.fail("computed"))
    second = export(tmp_path / "out", house, tables=SOME)
    assert (second.written, second.removed) == ((), ())
    assert (second.files, second.exported_at) == (first.files, first.exported_at)
    assert stamps(tmp_path / "out") == before


def test_a_change_of_one_project_writes_its_files_and_those_that_rest_on_it(
    world: World, house: Snapshot, tmp_path: Path
) -> None:
    export(tmp_path / "out", house, tables=SOME)
    before = stamps(tmp_path / "out")
    rows = [dict(row) for row in world.tables["raw.run_versions"]]
    last = next(row for row in rows if row["project_id"] == 2)
    last["status"] = "failed" if last["status"] != "failed" else "cancelled"
    with changed(world, tmp_path / "later", raw_run_versions=rows) as later:
        done = export(tmp_path / "out", later, tables=SOME)
        fresh = export(tmp_path / "fresh", later, tables=SOME)
    changes = ("run_attempts", "run_daily", "run_history", "runs")
    assert done.written == tuple(f"{view}/project-2.parquet" for view in changes)
    after = stamps(tmp_path / "out")
    moved = {path for path in after if after[path] != before[path]}
    assert moved == {*done.written, "manifest.json"}
    assert contents(done) == contents(fresh)


def test_what_is_only_seen_again_is_computed_and_left_as_it_is(
    world: World, house: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(tmp_path / "out", house, tables=SOME)
    real, computed = parquet.write, []

    def write(reader: Any, table: str, *given: Any, **more: Any) -> int:
        computed.append(table)
        return real(reader, table, *given, **more)

    monkeypatch.setattr(parquet, "write", write)
    rows = [{**row, "last_seen_at": str(LAST + timedelta(days=1))} for row in world.tables["raw.task_sightings"]]
    with changed(world, tmp_path / "later", raw_task_sightings=rows) as later:
        done = export(tmp_path / "out", later, tables=SOME)
    assert done.written == ("tasks/project-1.parquet", "tasks/project-2.parquet")
    assert {*computed} == {"main.tasks", "main.run_attempts"}, "views over attempts rest on files that are the same"


@pytest.mark.worlds
def test_a_project_and_a_view_that_are_gone_are_removed(world: World, whole: Export, tmp_path: Path) -> None:
    shutil.copytree(whole.folder, tmp_path / "out")
    alone = {table: [row for row in rows if row["project_id"] != 2] for table, rows in world.tables.items()}
    with World(alone).open(tmp_path / "later") as later:
        done = export(tmp_path / "out", later)
        fewer = export(tmp_path / "out", later, tables=SOME)
    assert done.removed == tuple(path for path in sorted(digests(whole)) if "project-2" in path)
    assert len(done.removed) >= 30
    assert [row for row in contents(whole)["data_health/no-project.parquet"] if row[0] is None]
    assert done.written == (), "the rows of one project do not depend on another"
    with World(alone).open(tmp_path / "again") as later:
        fresh = export(tmp_path / "fresh", later)
    assert contents(fresh).items() <= contents(whole).items()
    assert {path.name for path in (tmp_path / "out").iterdir()} == {*SOME, "manifest.json", "views.sql"}
    assert digests(fewer).items() <= digests(done).items()


def test_other_definitions_are_computed_anew(house: Snapshot, tmp_path: Path, world: World) -> None:
    first = export(tmp_path / "out", house, tables=SOME)
    with World(world.tables).open(tmp_path / "later") as later:
        path = later.path
    path.chmod(0o600)
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE OR REPLACE MACRO main.day_zone() AS 'Pacific/Auckland'")
        connection.execute("COMMENT ON MACRO main.day_zone IS 'The zone'")
    with Snapshot(Reader(path)) as later:
        done = export(tmp_path / "out", later, tables=SOME)
    same = {path for path, digest in digests(done).items() if digests(first)[path] == digest}
    assert "run_daily/project-1.parquet" in done.written
    assert {"runs/project-1.parquet", "ledger.passes/project-1.parquet"} <= same
    assert {*done.written} == digests(done).keys() - same


@pytest.mark.parametrize(
    "harm", ["file gone", "file cut", "file and manifest disagree", "manifest damaged", "older manifest"]
)
def test_a_folder_that_was_harmed_is_made_whole(house: Snapshot, tmp_path: Path, harm: str) -> None:
    tables = ("tasks", "readiness")
    first = contents(export(tmp_path / "out", house, tables=tables))
    file, manifest = tmp_path / "out" / "tasks" / "project-1.parquet", tmp_path / "out" / "manifest.json"
    if harm == "file gone":
        file.unlink()
    elif harm == "file cut":
        file.write_bytes(file.read_bytes()[:-9])
    elif harm == "file and manifest disagree":
        file.write_bytes(b"x" * file.stat().st_size)
        manifest.write_text(re.sub(r'"fingerprint": "', r'"fingerprint": "x', manifest.read_text()))
    elif harm == "manifest damaged":
        manifest.write_text(manifest.read_text()[:200])
    else:
        text = json.loads(manifest.read_text())
        for about in text["tables"].values():
            for each in about["files"]:
                del each["fingerprint"]
        manifest.write_text(json.dumps(text | {"format": 2}))
    done = export(tmp_path / "out", house, tables=tables)
    assert contents(done) == first
    assert "tasks/project-1.parquet" in done.written
    assert len(done.written) == (len(done.files) if harm in {"manifest damaged", "older manifest"} else 1)


def test_a_folder_without_hard_links_is_copied_with_its_times(
    house: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(tmp_path / "out", house, tables=["tasks"])
    before = {path: time for path, (time, _) in stamps(tmp_path / "out").items()}

    def refuse(*_: object) -> None:
        raise OSError

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    export(tmp_path / "out", house, tables=["tasks"])
    assert {path: time for path, (time, _) in stamps(tmp_path / "out").items()} == before


def test_every_view_has_a_key_and_no_two_rows_share_it(whole: Export) -> None:
    assert KEYS.keys() == {*VIEWS}
    with duckdb.connect() as connection:
        for view, key in KEYS.items():
            columns = ", ".join(f'"{name}"' for name in ("project_id", *key))
            rows = f"SELECT {columns} FROM read_parquet('{whole.folder}/{view}/*.parquet')"
            twice = connection.execute(f"{rows} GROUP BY ALL HAVING count(*) > 1").fetchall()
            assert twice == [], view
