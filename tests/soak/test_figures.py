"""Requests of discovery and summaries at 100,000 tasks, with the emulator's own count as the judge."""

import math
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.resources.tasks import spec
from taskhouse.warehouse import ledger
from taskhouse.warehouse.commit import WriteBatch, commit
from tests.house import House
from tests.resources.test_incremental import change, hot, spent

HUNDRED_THOUSAND = 127_500
"""Tasks of the emulator; its first key sees some 100,000 of them."""


def fill(house: Any) -> None:
    """Put the emulator's truth into the warehouse, as a complete sweep of the list leaves it."""
    now = datetime.now(UTC)
    stamp = {"project_id": 1, "pass_id": "filled", "page": 1, "valid_from": now.isoformat(), "observed_in": "list"}
    tasks = house.emulator.truth(runs=False)["tasks"]
    empty = {"internal": None, "archived": None, "created_by": None, "payload": "{}", "content_hash": ""}
    batch = WriteBatch(
        rows={spec.VERSIONS: [{**task, **stamp, **empty, "task_id": task["id"]} for task in tasks]},
        seen={
            spec.SIGHTINGS: [
                {"project_id": 1, "key": task["id"], "seen_at": now.isoformat(), "pass_id": "filled", "page": 1}
                for task in tasks
            ]
        },
        cursors=[
            {
                "project_id": 1,
                "resource": "tasks",
                "key": "activity",
                "position": max(task["last_activity_at"] for task in tasks),
                "state": "seen",
                "updated_at": now.isoformat(),
                "updated_by": "filled",
            }
        ],
    )
    with house.warehouse().transaction("filling") as connection:
        ledger.begin(connection, pass_id="filled", project_id=1, resource="tasks", viewer=None, started_at=now)
        commit(connection, batch)
        connection.execute("UPDATE ledger.passes SET kind = 'list', verdict = 'complete', finished_at = started_at")


def comparable(row: tuple[Any, ...]) -> tuple[Any, ...]:
    """Id, title, repository and latest run: what the warehouse was filled with."""
    return (*row[:3], *row[5:])


@pytest.mark.worlds
@pytest.mark.parametrize("moves", [True, False], ids=["activity moves", "activity stands still"])
def test_at_100_000_tasks_an_idle_tick_is_5_requests_and_200_changes_are_10_more(
    tmp_path: Path,
    moves: bool,  # noqa: FBT001
) -> None:
    world = EmulatorSettings(
        tasks=HUNDRED_THOUSAND, repositories=1000, activity_moves=moves, live_runs=40, speed=0, events=0.1
    )
    with Emulator(world) as emulator:
        house = House(emulator, tmp_path, accept=("viewer",))
        fill(house)
        assert len(house.present()) > 100_000
        house.sync("tasks")
        spent(house)
        idle, warm = house.sync("tasks"), hot(house)
        assert idle.verdict == "complete"
        assert spent(house) == idle.requests <= 5 + math.ceil(warm / 100)

        live = [run for (run,) in house.rows("SELECT run_id FROM raw.run_versions WHERE status = 'in_progress'")]
        assert change(house, live) >= 180
        before = hot(house)
        report = house.sync("tasks")
        assert report.verdict == "complete"
        assert spent(house) <= 5 + math.ceil(max(before, hot(house)) / 100) + 10
        known, truth = {row[0]: row for row in house.present()}, {row[0]: row for row in house.truth_tasks()}
        assert known.keys() == truth.keys()
        if moves:
            stale = [task_id for task_id, row in truth.items() if comparable(known[task_id]) != comparable(row)]
            assert len(stale) <= 20  # renamed, which moves no activity: the sweep of the summaries finds them
