"""Replay stores a record of every kind of table, or leaves it in quarantine: what leaves it is never lost."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from taskhouse.operations import replay_quarantine
from taskhouse.resources import registry, replay
from taskhouse.resources.readiness.spec import SNAPSHOTS
from taskhouse.resources.spec import MOMENTS, Resource, Table, sightings, versions
from taskhouse.settings import Settings
from taskhouse.warehouse import commit
from taskhouse.warehouse.opening import open_warehouse
from tests.blank import blank

SEEN = datetime(2026, 10, 1, 12, tzinfo=UTC)
SIGHTINGS = "first_seen_at TIMESTAMPTZ, last_seen_at TIMESTAMPTZ, absent_since TIMESTAMPTZ, last_pass_id VARCHAR,"
STAMPED = {
    "snapshots": "window_days INTEGER, generated_at TIMESTAMPTZ, observed_at TIMESTAMPTZ,",
    "versions": "content_hash VARCHAR, valid_from TIMESTAMPTZ, observed_in VARCHAR,",
    "sightings": SIGHTINGS,
    "captured": "received_at TIMESTAMPTZ,",
}


def replayed(
    home: Path, monkeypatch: pytest.MonkeyPatch, table: Table, columns: dict[str, Any], kind: str = "unreadable"
) -> Any:
    """The rows of a made-up table, and what left the quarantine, after a record of it was read as these columns."""
    settings = Settings(_env_file=None, host="http://localhost:1", home=home)
    blank(settings.warehouse)
    made = {"boards": Resource("boards", "", (table,))}
    monkeypatch.setattr(replay, "RESOURCES", made)
    monkeypatch.setattr(registry, "record", lambda _: SimpleNamespace(read=lambda _: columns))
    monkeypatch.setattr(commit, "TABLES", (table,))
    monkeypatch.setattr(commit, "OWNERS", {table.name: "boards"})
    named = "".join(f"{column} VARCHAR, " for column in table.thing if column not in STAMPED[table.kind])
    with open_warehouse(settings).transaction("a test") as connection:
        stamped = f"{STAMPED[table.kind]} project_id BIGINT, pass_id VARCHAR, page INTEGER"
        connection.execute(f"CREATE OR REPLACE TABLE raw.{table.name} ({named}{stamped})")
        connection.execute(
            "INSERT INTO ledger.quarantine BY NAME SELECT 1 AS project_id, 'boards' AS resource, 'b' AS record_key,"
            " 'old' AS reason, '{}' AS payload, ? AS first_seen_at, 'p' AS found_in, ? AS kind",
            [SEEN, kind],
        )
    done = asyncio.run(replay_quarantine(settings, 1))
    moment = MOMENTS[table.kind][0]
    with open_warehouse(settings).reading("a test") as connection:
        rows = connection.execute(f"SELECT {', '.join(table.thing)}, {moment} FROM raw.{table.name}").fetchall()
    return rows, done.replayed


@pytest.mark.parametrize(
    ("table", "columns", "row"),
    [
        (versions("board_versions", "board_id"), {"content_hash": "1"}, ("b",)),
        (sightings("board_sightings", "board_id"), {}, ("b",)),
        (sightings("board_sightings", "viewer", "board_id"), {"viewer": "u"}, ("u", "b")),
        (SNAPSHOTS, {"window_days": 7, "generated_at": SEEN.isoformat()}, ("b", 7)),
    ],
    ids=["versions", "sightings", "sightings of a viewer", "snapshots"],
)
def test_a_record_that_can_be_read_now_is_stored_as_of_when_it_was_seen(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: Table, columns: dict[str, Any], row: tuple[Any, ...]
) -> None:
    assert replayed(tmp_path, monkeypatch, table, columns) == ([(*row, SEEN)], {"boards": 1})


@pytest.mark.parametrize(
    "table",
    [sightings("board_sightings", "viewer", "board_id"), Table("board_events", "captured", ("board_id",), ("at",))],
    ids=["without its viewer", "captured"],
)
def test_what_cannot_be_stored_stays_in_quarantine(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: Table
) -> None:
    assert replayed(tmp_path, monkeypatch, table, {}) == ([], {})


def test_an_answer_about_something_else_is_not_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = {"repository": "other", "window_days": 7, "generated_at": SEEN.isoformat()}
    assert replayed(tmp_path, monkeypatch, SNAPSHOTS, columns, "wrong_subject") == ([], {})
