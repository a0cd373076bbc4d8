"""An export is one moment, proves itself, and never leaves half of anything behind."""

import errno
import hashlib
import json
from pathlib import Path

import duckdb
import pytest
from filelock import FileLock

from taskhouse.errors import ConfigurationError, Full, Locked
from taskhouse.export import export
from taskhouse.reading import Snapshot
from taskhouse.warehouse import parquet
from taskhouse.warehouse.reading import Reader
from tests.report.world import World, walk, with_runs

TABLES = ("readiness_trend", "readiness", "runs", "ledger.passes")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    world = with_runs(walk(["acme/web", "acme/api"], days=12), days=4)
    world.tables["raw.readiness_snapshots"] += walk(["beta/one"], days=9, project=2).tables["raw.readiness_snapshots"]
    return world.publish(tmp_path_factory.mktemp("home"))


@pytest.fixture
def house(home: Path) -> Snapshot:
    return Snapshot(Reader((home / "published" / "current.duckdb").resolve()))


def test_every_view_comes_back_as_it_was(house: Snapshot, tmp_path: Path) -> None:
    done = export(tmp_path / "out", house)
    assert {name for name in house.tables() if name.startswith("main.")} <= {f"main.{name}" for name in done.rows}
    with duckdb.connect(str(house.path), read_only=True) as before:
        before.execute("SET TimeZone = 'UTC'")
        for table, rows in done.rows.items():
            files = f"read_parquet('{tmp_path}/out/{table}/*.parquet')"
            assert before.execute(f"SELECT count(*) FROM {files}").fetchone() == (rows,)
            both = f"FROM (SELECT * FROM {table}) AS a"
            names = ", ".join(f'"{name}"' for name in house.tables()[table if "." in table else f"main.{table}"])
            lost = f"SELECT count(*) FROM (SELECT {names} {both} EXCEPT ALL SELECT {names} FROM {files})"
            assert before.execute(lost).fetchone() == (0,), table


def test_the_manifest_proves_every_file(house: Snapshot, tmp_path: Path) -> None:
    export(tmp_path / "out", house, tables=TABLES)
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["generation"] == house.generation
    listed = {file["path"]: file for table in manifest["tables"].values() for file in table["files"]}
    found = {path.relative_to(tmp_path / "out").as_posix(): path for path in (tmp_path / "out").rglob("*.parquet")}
    assert listed.keys() == found.keys()
    for path, file in listed.items():
        assert hashlib.sha256(found[path].read_bytes()).hexdigest() == file["sha256"]
        assert found[path].stat().st_size == file["bytes"]
        assert parquet.count(house.reader, found[path]) == file["rows"]
    assert {file["project_id"] for file in manifest["tables"]["readiness"]["files"]} == {1, 2}
    assert manifest["rows"] == sum(file["rows"] for file in listed.values())


def test_a_table_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    with World().open(tmp_path / "home") as house:
        export(tmp_path / "out", house, tables=["readiness"])
        with duckdb.connect() as anywhere:
            shape = anywhere.execute(f"DESCRIBE FROM read_parquet('{tmp_path}/out/readiness/data.parquet')").fetchall()
        assert [row[0] for row in shape] == list(house.views()["readiness"])


def test_views_sql_brings_views_types_comments_and_macros_to_any_duckdb(
    house: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = export(tmp_path / "out", house, tables=[*TABLES, "repository_periods"])
    monkeypatch.chdir(tmp_path / "out")
    with duckdb.connect() as anywhere:
        anywhere.execute("SET TimeZone = 'UTC'")
        anywhere.execute(Path("views.sql").read_text())
        rows = anywhere.execute("SELECT count(*), count(DISTINCT project_id) FROM readiness").fetchone()
        assert rows == (done.rows["readiness"], 2)
        assert anywhere.execute("SELECT count(*) FROM ledger.passes").fetchone() == (done.rows["ledger.passes"],)
        text = "SELECT * FROM readiness_as_of(DATE '2026-11-20') ORDER BY ALL"
        states = anywhere.execute(text).fetchall()
        assert states == [tuple(row.values()) for row in house.records(text)]
        assert len(states) > 2
        for name in ("readiness_trend", "runs"):
            described = (
                "SELECT column_name, data_type, comment FROM duckdb_columns()"
                " WHERE schema_name = 'main' AND table_name = $name"
            )
            kept = {row["column_name"]: row for row in house.records(described, name=name)}
            for column, kind, comment in anywhere.execute(described, {"name": name}).fetchall():
                assert (kind, comment) == (kept[column]["data_type"], kept[column]["comment"])
        made = {name for (name,) in anywhere.execute("SELECT function_name FROM duckdb_functions()").fetchall()}
        assert {"readiness_as_of", "day_of"} <= made
        assert not {"runs_stuck_as_of", "run_as_of"} & made, "what they read was not exported"


def test_a_file_holds_every_column_under_its_own_type(house: Snapshot, tmp_path: Path) -> None:
    export(tmp_path / "out", house, tables=["readiness_trend"])
    with duckdb.connect() as anywhere:
        schema = f"FROM parquet_schema('{tmp_path}/out/readiness_trend/project-1.parquet')"
        types = dict(anywhere.execute(f"SELECT name, coalesce(converted_type, type) {schema}").fetchall())
    assert (types["project_id"], types["day"], types["overall"]) == ("INT_64", "DATE", "UTF8")


def test_an_export_that_dies_leaves_the_old_one_and_is_taken_up_where_it_stopped(
    house: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "out"
    export(out, house, tables=["runs"])
    old = (out / "manifest.json").read_bytes()
    written: list[str] = []
    real = parquet.write

    def dying(reader: Reader, table: str, path: Path, **more: object) -> int:
        if len(written) == 2:
            path.write_bytes(b"half")
            raise KeyboardInterrupt
        written.append(table)
        return real(reader, table, path, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(parquet, "write", dying)
    with pytest.raises(KeyboardInterrupt):
        export(out, house, tables=TABLES)
    assert (out / "manifest.json").read_bytes() == old

    def counting(reader: Reader, table: str, path: Path, **more: object) -> int:
        written.append(table)
        return real(reader, table, path, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(parquet, "write", counting)
    done = export(out, house, tables=TABLES)
    assert len(written) == len(done.files) - 1, "that of the runs is the one of the first export"
    assert set(done.rows) == set(TABLES)
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != ".out.lock") == ["out"]
    assert not list(out.rglob("*.part"))


def test_a_death_between_the_two_renames_is_mended(house: Snapshot, tmp_path: Path) -> None:
    out = tmp_path / "out"
    export(out, house, tables=["runs"])
    out.rename(tmp_path / ".out.old")
    (tmp_path / ".out.draft-20200101T000000000000Z").mkdir()
    export(out, house, tables=["readiness"])
    assert (out / "readiness").is_dir()
    assert sorted(path.name for path in tmp_path.iterdir() if path.name != ".out.lock") == ["out"]


def test_a_folder_of_something_else_is_not_touched(house: Snapshot, tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(b"cat")
    (tmp_path / "file").write_text("file")
    for name in ("photos", "file"):
        with pytest.raises(ConfigurationError, match="is not an export"):
            export(tmp_path / name, house)
    assert (tmp_path / "photos" / "cat.jpg").read_bytes() == b"cat"


def test_names_are_checked_and_odd_folders_are_fine(house: Snapshot, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="There is no view"):
        export(tmp_path / "out", house, tables=["runs; DROP TABLE x"])
    done = export(tmp_path / "it's $1 'here'", house, tables=["runs"])
    assert done.rows["runs"] > 0


def test_two_exports_into_one_folder_do_not_meet(house: Snapshot, tmp_path: Path) -> None:
    with FileLock(tmp_path / ".out.lock"), pytest.raises(Locked, match="Another export"):
        export(tmp_path / "out", house)


FULL = (
    'IO Error: Async write failed for range [offset=27, size=924130]: {"exception_type":"IO","exception_message":'
    '"Could not write file \\"DIR/x.part\\": No space left on device","errno":"28"}'
)
"""What DuckDB says of a disk that fills while it writes Parquet."""


def test_an_export_that_finds_no_room_says_so_and_leaves_nothing(
    house: Snapshot, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> int:
        with house.reader._cursor("SELECT 1", {}):
            raise duckdb.IOException(FULL.replace("DIR", str(tmp_path)))

    monkeypatch.setattr(parquet, "write", full)
    with pytest.raises(Full, match=f"{tmp_path}/x.part could not be written: the disk is full"):
        export(tmp_path / "new", house, tables=["runs"])
    assert not [path for path in tmp_path.glob(".new*") if path.is_dir()]
    monkeypatch.setattr(parquet, "write", lambda *_, **__: (_ for _ in ()).throw(OSError(errno.ENOSPC, "full", "x")))
    with pytest.raises(OSError, match="full"):
        export(tmp_path / "new", house, tables=["runs"])
    assert not [path for path in tmp_path.glob(".new*") if path.is_dir()]
