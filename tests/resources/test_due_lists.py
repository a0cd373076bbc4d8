"""Which lists of runs are due is decided from the tasks that are present, as it would be from all that is stored."""

import random
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskhouse.passes import polling_policy
from taskhouse.warehouse import sql
from tests.blank import World, lived, opened
from tests.capture.test_open_runs import STATUSES, before, cursor, moment, version

EVERY_DUE = (Path(__file__).parent / "every_due.sql").read_text(encoding="utf-8")
ASKED = {
    "project_id": 1,
    "terminal": sorted(polling_policy.TERMINAL),
    "grace_s": polling_policy.GRACE.total_seconds(),
}
YEAR = timedelta(days=365)
LISTS = ("listed", "listed", "listed", "not_found", "refused", "unread", None)


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with opened(tmp_path_factory.mktemp("lists") / "warehouse.duckdb") as connection:
        yield connection


def drawn(seed: int, tasks: int = 200) -> World:
    """A world with this number of tasks, of which some are absent, came back, or were never seen in a list."""
    chance = random.Random(seed)
    runs, versions, cursors, sightings = [], [], [], []

    def maybe(*names: str) -> dict[str, Any]:
        return {name: chance.choice([None, moment(chance)]) for name in names}

    def of_list(resource: str, position: str | None, state: str | None = None) -> dict[str, Any]:
        return cursor(resource, 0, moment(chance), position=position, state=state) | {"key": of["task_id"]}

    for task in range(tasks):
        of = {"task_id": f"t{task}"}
        here = range(task, task + tasks * chance.choice([0, 1, 1, 2, 4]), tasks)
        latest = chance.choice([*(f"r{run}" for run in [*here, *here[-1:]]), None, "r"])
        status = chance.choice([*STATUSES, None])
        for run in here:
            for number in range(chance.choice([1, 1, 2, 3])):
                facts = {"status": chance.choice([status, *STATUSES]), "created_at": moment(chance)}
                facts |= maybe("updated_at", "completed_at", "scheduled_at")
                runs.append(version(run, moment(chance) - number * YEAR, **facts, **of))
        for number in range(chance.choice([0, 1, 1, 2])):
            facts = {"latest_run_id": chance.choice([latest, latest, None])}
            facts |= {"latest_run_status": chance.choice([status, *STATUSES])}
            versions.append(version(task, before(100 - number), **facts, **of))
            del versions[-1]["run_id"]
        if chance.random() < 0.8:
            cursors.append(of_list("runs", chance.choice([latest, latest, "r0"]), chance.choice(LISTS)))
        activity = (("activity_seen", chance.choice("ab")), ("activity_listed", chance.choice("ab")))
        cursors += [of_list(*one) for one in activity if chance.random() < 0.5]
        for number in range(chance.choice([0, 1, 1, 2])):
            seen = {"first_seen_at": before(0) - 2 * YEAR, "last_seen_at": moment(chance)}
            stamp = {"pass_id": "p", "last_pass_id": "p", "page": 1}
            ended = {"absent_since": before(0) - YEAR} if number else maybe("absent_since")
            sightings.append({"project_id": 1, **of, **seen, **stamp, **ended})
    world = {
        "raw.run_versions": runs,
        "raw.task_versions": versions,
        "raw.task_sightings": sightings,
        "ledger.cursors": cursors,
    }
    return {table: rows + [row | {"project_id": 2} for row in rows[::3]] for table, rows in world.items()}


def ordered(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    for row in rows:
        row["older"] = row["older"] and sorted(row["older"], key=lambda run: run["run_id"])
    return sorted(rows, key=lambda row: row["task_id"])


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0))
def test_what_is_due_of_the_present_tasks_is_what_is_due_of_all(
    warehouse: duckdb.DuckDBPyConnection, seed: int
) -> None:
    with lived(warehouse, drawn(seed)):
        every = ordered(sql.rows(warehouse.execute(EVERY_DUE, ASKED)))
        found = ordered(sql.rows(sql.run(warehouse, "runs/due", **ASKED)))
    assert found == every
    assert {bool(row["older"]) for row in every} == {row["is_active"] for row in every} == {True, False}
    assert 10 < len(every) < 190, "a world in which all or nothing is due shows nothing"
