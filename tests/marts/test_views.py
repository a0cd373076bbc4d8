"""Every view and column says what it is, in the database and in the documentation."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest

from taskhouse import marts
from taskhouse.errors import TaskhouseError
from taskhouse.marts import derivation
from taskhouse.marts.describe import describe
from taskhouse.marts.former import FORMER
from taskhouse.warehouse import migrate, sql, views
from taskhouse.warehouse.engine import COMPATIBILITY, connect

FOLDER = Path(marts.__file__).parent
SAID = {
    "local": "local",
    "not_picked_up": "not picked up",
    "waiting_for_user": "waits for the user",
    "orphaned": "orphaned",
    "silent": "silent",
    "summed": "last of each session",
    "not_cumulative": "not a running total",
    "other_currency": "other currency",
    "not_reported": "none reported",
}
"""What a former column of sentences holds for each code."""

PAGE = Path(__file__).parents[2] / "docs" / "views.md"


@pytest.mark.parametrize("name", marts.VIEWS)
def test_a_view_describes_its_columns_in_their_order(scratch: Any, name: str) -> None:
    described = describe(views.statement(name))
    columns = [row["column_name"] for row in scratch.rows(f"DESCRIBE main.{name}")]
    assert list(described.columns) == columns
    assert described.summary.startswith("One row per ")
    assert all(text.endswith((".", "…")) for text in described.columns.values())


@pytest.mark.parametrize("name", marts.AS_OF)
def test_a_table_at_a_moment_describes_its_columns_in_their_order(scratch: Any, name: str) -> None:
    described = describe(sql.statement("taskhouse.marts", f"macros/{name}"))
    columns = [row["column_name"] for row in scratch.rows(f"DESCRIBE FROM main.{name}(now())")]
    assert list(described.columns) == columns


@pytest.mark.parametrize("name", marts.MACROS)
def test_a_macro_says_what_it_gives(name: str) -> None:
    assert describe(sql.statement("taskhouse.marts", f"macros/{name}")).summary.endswith(".")


def test_the_descriptions_are_in_the_database(scratch: Any) -> None:
    silent = "SELECT table_name, column_name FROM duckdb_columns() WHERE schema_name = 'main' AND NOT internal"
    assert scratch.rows(f"{silent} AND comment IS NULL") == []
    assert len(scratch.rows(silent)) > 200
    assert scratch.rows("SELECT view_name FROM duckdb_views() WHERE NOT internal AND comment IS NULL") == []
    assert (
        scratch.rows(
            "SELECT function_name FROM duckdb_functions() WHERE database_name = current_database()"
            " AND schema_name = 'main' AND NOT internal AND function_type LIKE '%macro' AND comment IS NULL"
        )
        == []
    )


def test_the_documentation_is_current(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        migrate.upgrade(connection)
        views.make(connection)
        assert PAGE.read_text(encoding="utf-8") == views.document(connection), (
            "run `python -m taskhouse.warehouse.views > docs/views.md`"
        )


def test_what_an_older_version_or_a_copy_left_in_the_warehouse_is_removed(tmp_path: Path) -> None:
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        migrate.upgrade(connection)
        views.make(connection)
        connection.execute("INSERT INTO ledger.views VALUES ('gone', 'x', now()), ('macros/old', 'x', now())")
        connection.execute("CREATE VIEW main.gone AS SELECT 1 AS one")
        connection.execute("CREATE MACRO main.old(x) AS TABLE SELECT x AS one")
        views.prepare(connection, tmp_path)
        built = connection.execute("SELECT max(built_at) FROM ledger.views").fetchall()
        assert connection.execute("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall() == []
        macros = connection.execute("SELECT function_name FROM duckdb_functions() WHERE NOT internal").fetchall()
        assert macros == [("day_zone",)]
        views.prepare(connection, tmp_path)
        assert connection.execute("SELECT max(built_at) FROM ledger.views").fetchall() == built


def test_a_copy_has_what_was_made(tmp_path: Path) -> None:
    path, made = tmp_path / "w.duckdb", tmp_path / "made.duckdb"
    with connect(path, storage_compatibility_version=COMPATIBILITY) as connection:
        migrate.upgrade(connection)
        views.prepare(connection, tmp_path, zone="Asia/Kolkata")
    views.add(path, views.template(tmp_path))
    with connect(made, storage_compatibility_version=COMPATIBILITY) as connection:
        migrate.upgrade(connection)
        views.make(connection, zone="Asia/Kolkata")
    with connect(path, read_only=True) as copied, connect(made, read_only=True) as expected:
        assert views.current(copied)
        assert views.definitions(copied) == views.definitions(expected)
        comments = sql.query("catalog/comments")
        assert sorted(copied.execute(comments).fetchall(), key=str) == sorted(
            expected.execute(comments).fetchall(), key=str
        )
        assert copied.execute("SELECT main.day_zone()").fetchall() == [("Asia/Kolkata",)]


@pytest.mark.parametrize(
    "harm", ["garbage", *(pytest.param(harm, marks=pytest.mark.worlds) for harm in ("flipped", "cut", "gone"))]
)
def test_a_damaged_template_is_made_anew(tmp_path: Path, harm: str) -> None:
    made = views.template(tmp_path)
    good = made.read_bytes()
    if harm == "gone":
        made.unlink()
    else:
        half = len(good) // 2
        flipped = bytes(good[:half] + bytes([good[half] ^ 1]) + good[half + 1 :])
        made.write_bytes({"garbage": b"x" * len(good), "flipped": flipped, "cut": good[:half]}[harm])
    (tmp_path / "views-older.duckdb").touch()
    again = views.template(tmp_path)
    with connect(again, read_only=True) as connection:
        found = connection.execute("SELECT count(*) FROM duckdb_views() WHERE schema_name = 'main' AND NOT internal")
        assert found.fetchall() == [(len(marts.VIEWS),)]
    assert [path.name for path in tmp_path.glob("views-*")] == [again.name]


@pytest.mark.worlds
@pytest.mark.parametrize("room", [300, 900, 1500])
def test_a_template_that_finds_no_room_is_not_there(tmp_path: Path, room: int) -> None:
    if subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={room}k", "none", tmp_path], check=False).returncode:
        pytest.skip("a small file system cannot be mounted here")
    try:
        with pytest.raises(TaskhouseError, match="disk"):
            views.template(tmp_path)
        assert [path.name for path in tmp_path.iterdir()] == [".views.lock"]
        subprocess.run(["mount", "-o", "remount,size=20m", tmp_path], check=True)
        assert views.template(tmp_path).exists()
    finally:
        subprocess.run(["umount", tmp_path], check=True)


def test_every_view_reads_an_empty_warehouse(scratch: Any) -> None:
    for name in marts.VIEWS:
        assert scratch.rows(f"SELECT * FROM main.{name}") == []


@pytest.mark.parametrize("view", FORMER)
def test_a_former_name_of_a_column_stands_beside_the_new_one(kept: Any, view: str) -> None:
    described = describe(views.statement(view)).columns
    assert list(described)[-len(FORMER[view]) :] == list(FORMER[view])
    for old, column in FORMER[view].items():
        assert described[old] == f"Deprecated, use `{column.now}`."
        pairs = kept.rows(f'SELECT DISTINCT "{old}" AS old, "{column.now}" AS now FROM main.{view}')
        assert pairs
        assert all(pair["old"] == (SAID[pair["now"]] if column.value else pair["now"]) for pair in pairs), old


@pytest.mark.skipif(duckdb.__version__.startswith("1."), reason="DuckDB 1 moves a filter past fewer steps of a plan")
@pytest.mark.parametrize("view", [*derivation.STORED, "events_once", "failures", "run_attempts", "runs"])
def test_a_filter_on_the_run_reaches_every_table_of_events(kept: Any, view: str) -> None:
    """Nothing is stored, so all of it is read from ``raw``."""
    run_id = kept.rows("SELECT run_id FROM raw.run_events LIMIT 1")[0]["run_id"]
    plan = kept.rows(f"EXPLAIN (FORMAT json) SELECT * FROM main.{view} WHERE run_id = '{run_id}'")[0]["explain_value"]
    scans = list(_events_read(json.loads(plan)))
    assert len(scans) >= 2
    assert all(run_id in conditions for conditions in scans)


def _events_read(node: Any, above: str = "") -> Iterator[str]:
    """The conditions of each scan that reads what events say, and not only of which run there are some."""
    for part in node if isinstance(node, list) else [node]:
        about = part.get("extra_info", {})
        is_of_events = about.get("Table", "").endswith(("raw.run_events", "raw.run_log_entries"))
        if is_of_events and {"method", "payload", "session_update", "occurred_at"} & {*about["Projections"]}:
            yield f"{about.get('Filters', '')} {above}"
        yield from _events_read(part["children"], str(about.get("Expression", "")))
