"""Housekeeping gives room back and keeps everything else."""

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from taskhouse.warehouse import maintenance, restore, sql, views
from taskhouse.warehouse.connection import Warehouse
from tests.blank import blank

NOW = datetime.now(UTC)


@pytest.fixture
def warehouse(tmp_path: Path) -> Warehouse:
    return Warehouse(blank(tmp_path / "w.duckdb"), host="http://localhost", zone="Europe/Berlin")


def _events(warehouse: Warehouse, count: int) -> None:
    with warehouse.transaction("a test") as connection:
        connection.execute(
            "INSERT INTO raw.run_events BY NAME SELECT 1 AS project_id, 't' AS task_id, 'r' AS run_id,"
            " 0 AS incarnation, 'django' AS source, i AS stream_ms, i AS stream_seq, true AS json_ok,"
            " false AS redacted, 's' AS segment, md5(i::VARCHAR) AS payload"
            " FROM range(?) AS numbers (i)",
            [count],
        )


def _everything(warehouse: Warehouse) -> dict[str, Any]:
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        names = connection.execute(
            "SELECT schema_name || '.' || table_name FROM duckdb_tables() WHERE schema_name IN ('raw', 'ledger')"
        ).fetchall()
        held: dict[str, Any] = {
            name: connection.execute(f"SELECT count(*), bit_xor(hash(t)) FROM {name} AS t").fetchall()
            for (name,) in names
            if name != "ledger.views"
        }
        held["views"] = connection.execute("SELECT name, sha256 FROM ledger.views ORDER BY name").fetchall()
        held["zone"] = connection.execute("SELECT main.day_zone()").fetchall()
        held["comments"] = connection.execute(
            "SELECT count(comment) FROM duckdb_columns() WHERE schema_name = 'raw'"
        ).fetchall()
        return held


def test_a_file_that_is_half_unused_is_written_anew_with_everything_in_it(warehouse: Warehouse) -> None:
    _events(warehouse, 300_000)
    with warehouse.transaction("a test") as connection:
        connection.execute("DELETE FROM raw.run_events WHERE stream_ms < 250000")
    before = _everything(warehouse)
    done = maintenance.compact(warehouse, small=0)

    assert done.done, done
    assert done.after < done.before / 2
    assert warehouse.path.stat().st_size == done.after
    assert _everything(warehouse) == before
    _events(warehouse, 10)
    assert not maintenance.compact(warehouse, small=0).done
    assert [path.name for path in warehouse.path.parent.glob("w*duckdb*")] == ["w.duckdb"]
    assert list(warehouse.path.parent.glob(".*compact*")) == []


def test_a_small_file_and_a_full_one_are_left_alone(warehouse: Warehouse) -> None:
    _events(warehouse, 1000)
    assert "smaller" in maintenance.compact(warehouse).reason
    assert "unused" in maintenance.compact(warehouse, small=0).reason


def test_the_old_file_stays_where_the_new_one_cannot_be_filled(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    _events(warehouse, 1000)
    before = _everything(warehouse)
    with monkeypatch.context() as patch:
        patch.setattr(views, "prepare", lambda connection, *_, **__: connection.execute("DROP TABLE raw.run_events"))
        with pytest.raises(duckdb.CatalogException):
            maintenance.compact(warehouse, small=0, free_share=0)
    assert _everything(warehouse) == before
    assert list(warehouse.path.parent.glob(".*compact*")) == []


def test_old_pages_are_forgotten_unless_a_row_names_them(warehouse: Warehouse) -> None:
    with warehouse.transaction("a test") as connection:
        for pass_id, age in (("old", 91), ("named", 91), ("usage", 91), ("young", 89)):
            connection.execute(
                "INSERT INTO ledger.pages BY NAME SELECT ? AS pass_id, 1 AS project_id, 1 AS page, '' AS request,"
                " 0 AS row_count, '' AS sha256, ?::TIMESTAMPTZ AS fetched_at",
                [pass_id, NOW - timedelta(days=age)],
            )
        connection.execute(
            "INSERT INTO raw.task_sightings BY NAME SELECT 1 AS project_id, 't' AS task_id, now() AS first_seen_at,"
            " now() AS last_seen_at, 'named' AS pass_id, 1 AS page, 'named' AS last_pass_id"
        )
        connection.execute(
            "INSERT INTO raw.task_usage BY NAME SELECT 1 AS project_id, 't' AS task_id, now() AS valid_from,"
            " 'usage' AS observed_in, '' AS content_hash, 'usage' AS pass_id, 1 AS page"
        )
    assert maintenance.forget(warehouse, days=90) == 1
    with warehouse.transaction("a test") as connection:
        assert connection.execute("SELECT pass_id FROM ledger.pages ORDER BY 1").fetchall() == [
            ("named",),
            ("usage",),
            ("young",),
        ]


def _synced_on(warehouse: Warehouse, *ago: int) -> None:
    """Passes a number of days ago."""
    with warehouse.transaction("a test") as connection:
        for days in ago:
            values = {"pass_id": str(days), "project_id": 1, "resource": "tasks", "viewer": None}
            connection.execute(sql.query("ledger/begin"), values | {"started_at": NOW - timedelta(days=days)})


def test_what_was_set_aside_goes_once_something_was_synced_on_thirty_days_since(
    warehouse: Warehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    copies = warehouse.copies = warehouse.path.parent / "published"
    copies.mkdir()
    aged = {"old": NOW - timedelta(days=31), "young": NOW - timedelta(days=28)}
    torn = {age: f"w.torn-{at:%Y%m%dT%H%M%S%f}Z" for age, at in aged.items()}
    names = [*torn.values(), *(f"{where}-{age}" for where in ("w.replaced", "published/kept") for age in aged)]
    for path in (warehouse.path.parent / name for name in names):
        path.write_bytes(b"a block")
        at = aged["old" if path.name.endswith("old") else "young"]
        os.utime(path, (at.timestamp(), at.timestamp()))
    monkeypatch.setattr(restore, "_aside_since", lambda file: datetime.fromtimestamp(file.stat().st_mtime, UTC))

    def left() -> list[str]:
        maintenance.forget(warehouse, days=90)
        return [name for name in names if (warehouse.path.parent / name).exists()]

    _synced_on(warehouse, 31, 2, 1, 0, -40)  # once by a clock that was forty days ahead
    assert left() == names
    _synced_on(warehouse, *range(3, 28))
    assert left() == names, "thirty days, the first of which was before"
    (copies / "current.duckdb").symlink_to("kept-old")
    _synced_on(warehouse, 28, 29)
    gone = {torn["old"], "w.replaced-old"}
    assert left() == [name for name in names if name not in gone]
