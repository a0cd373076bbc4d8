"""Homes that earlier versions left open, and what their rules left wrong heals or becomes a gap."""

import lzma
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest

from taskhouse.emulator.origins import OLD_ORIGINS
from taskhouse.passes import polling_policy
from taskhouse.warehouse.migrate import MIGRATIONS

HOMES = Path(__file__).parents[1] / "homes"
START = datetime(2026, 11, 27, 7, 13, tzinfo=UTC)
HIDDEN = "422e0abd-1562-4e91-8c4e-758e0e433fd3"
PARENT = "52babe73-55d1-4892-ba31-dbb77c3e4fb1"
CHILD = "1e43ee7d-a89f-4238-a385-0659cab6a218"
SIBLING = "b0cebb61-a0d6-4a0f-9cb1-2d8f7fbdb336"
SHORT = "13754f66-ddb5-4ec8-8258-f94a7bfea8d9"
NOT_FOUND = "was not found (404) for as long as the server may have had it"

Open = Callable[[timedelta], Any]


@pytest.fixture
def schema_2(make_house: Any) -> Open:
    """The home of schema version 2, and the world that it came from, so long after its start."""

    def make(later: timedelta) -> Any:
        house = make_house(
            emulator_seed=2,
            emulator_tasks=30,
            emulator_repositories=4,
            emulator_events=0.2,
            emulator_start=START,
            emulator_session_logs_bytes=8000,
            emulator_origins=OLD_ORIGINS,  # as the world was that it came from
            emulator_october_agents=False,
            log_final_s=0,
            capture_seconds=3,
        )
        house.now = lambda: START + later
        house.emulator.clock(advance_s=later.total_seconds())
        house.settings.home.mkdir(exist_ok=True)
        packed = HOMES / "schema-2.duckdb.xz"
        house.settings.warehouse.write_bytes(lzma.decompress(packed.read_bytes()))
        with duckdb.connect(str(house.settings.warehouse)) as connection:
            connection.execute("UPDATE ledger.origin SET host = ?", [house.settings.host])
            read_at = (
                datetime.now(UTC) if later < polling_policy.EXPIRY else datetime.now(UTC) - later
            )  # a migration looks at it
            connection.execute("UPDATE ledger.cursors SET updated_at = ? WHERE resource = 'run_log'", [read_at])
        return house

    return make


def gaps(house: Any) -> dict[str, tuple[str, bool]]:
    """What is missing of each run, and whether its log has it."""
    return {row[0]: row[1:] for row in house.rows("SELECT run_id, how, repaired_from_log FROM ledger.gaps")}


def test_a_stored_home_opens_and_heals(schema_2: Open) -> None:
    house = schema_2(timedelta(minutes=10))
    wrong = {run for run, held in house.hashes().items() if held != house.truth_hashes()[run]}
    assert {HIDDEN, PARENT, CHILD, SHORT} <= wrong
    for resource in ("tasks", "runs", "run_events"):
        report = house.sync(resource)
        assert report.verdict == "complete", report.reason
    assert house.rows("SELECT max(version) FROM ledger.migrations") == [(len(MIGRATIONS),)]
    held, true = house.hashes(), house.truth_hashes()
    assert held[HIDDEN] == true[HIDDEN]
    assert {run: log for run, (_, log) in held.items()} == {run: log for run, (_, log) in true.items() if run in held}
    assert gaps(house) == {}


def test_a_stream_that_can_no_longer_be_read_becomes_a_gap(schema_2: Open) -> None:
    house = schema_2(timedelta(minutes=40))
    house.sync("run_events")
    assert gaps(house) == {HIDDEN: (f"the stream {NOT_FOUND}", False)}, "its log lacks the agent's event 1-16"
    held, true = house.hashes(), house.truth_hashes()
    assert {run: log for run, (_, log) in held.items()} == {run: log for run, (_, log) in true.items() if run in held}


def test_a_log_that_has_expired_becomes_a_gap(schema_2: Open) -> None:
    house = schema_2(timedelta(days=31))
    house.sync("run_events")
    said = f"the log {NOT_FOUND}"
    assert gaps(house) == {
        HIDDEN: (f"the stream {NOT_FOUND}; {said}", False),
        SIBLING: (said, False),
        PARENT: (said, False),
        CHILD: (said, False),
    }
    before = house.rows("FROM ledger.gaps ORDER BY ALL")
    house.sync("run_events")
    assert house.rows("FROM ledger.gaps ORDER BY ALL") == before
