"""A plan is made from the runs of which something may still be read, and is the same as one made from all runs."""

import random
from collections.abc import Iterator
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from taskhouse.capture import open_runs
from taskhouse.capture.capture_schedule import CapturePlan, parents_of, plan_capture
from taskhouse.warehouse import sql
from tests.blank import World, lived, opened

EVERY_RUN, EVERY_UNSEARCHED = (
    (Path(__file__).parent / name).read_text(encoding="utf-8") for name in ("every_run.sql", "every_unsearched.sql")
)
NOW = datetime(2026, 9, 1, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
STATUSES = ("not_started", "queued", "in_progress", "completed", "failed", "cancelled")
ENDED = STATUSES[3:]
STREAMS = ("live", "stream_end", "terminal_without_stream", "error_budget", "not_found", "refused", "lost")
TASKS = 60
LOGS = ("drained", "settled", "expired", "unproved", "not_found", "refused", "lost")


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with opened(tmp_path_factory.mktemp("runs") / "warehouse.duckdb") as connection:
        yield connection


def before(minutes: float) -> datetime:
    return NOW - minutes * MINUTE


def moment(chance: random.Random) -> datetime:
    """A time around those that matter: half an hour, an hour, six hours, days and a month ago, and soon."""
    around = chance.choice([-40, -1, 0, 1, 10, 30, 60, 180, 360, 1440, 4320, 43_200, 86_400])
    return before(around + chance.choice([-5, -1e-6, 0, 1e-6, 5]))


def version(run: int, valid_from: datetime, **given: Any) -> dict[str, Any]:
    stamp = {"observed_in": "list", "content_hash": "", "pass_id": "p", "page": 1}
    return {
        "project_id": 1,
        "task_id": f"t{run % TASKS}",
        "run_id": f"r{run}",
        "valid_from": valid_from,
        **stamp,
        **given,
    }


def cursor(resource: str, run: int, read_at: datetime, **given: Any) -> dict[str, Any]:
    who = {"project_id": 1, "resource": resource, "key": f"r{run}", "updated_by": "p"}
    return {**who, "updated_at": read_at, "state_since": read_at, **given}


def drawn(seed: int, runs: int = 1000) -> World:
    """A world with this number of runs, of which most have ended; some resumed others, also in circles."""
    chance = random.Random(seed)
    versions, cursors, sightings = [], [], []

    def maybe() -> datetime | None:
        return chance.choice([None, moment(chance)])

    for run in range(runs):
        parent = chance.choice([None, None, f"r{chance.randrange(runs + 9)}"])
        for number in range(chance.choice([1, 1, 2])):
            times = {name: maybe() for name in ("updated_at", "completed_at", "scheduled_at")}
            facts = {"status": chance.choice(STATUSES + 2 * ENDED), "created_at": moment(chance)}
            versions.append(version(run, before(100 - number), resume_from_run_id=parent, **facts, **times))
        if chance.random() < 0.8:
            position = chance.choice([None, f"{int(moment(chance).timestamp() * 1000)}-0"])
            state = {"position": position, "state": chance.choice(STREAMS), "leg": "django"}
            cursors.append(cursor("run_stream", run, moment(chance), **state))
        if chance.random() < 0.8:
            state = {"position": chance.choice("05"), "state": chance.choice((*LOGS, *3 * ("settled",)))}
            cursors.append(cursor("run_log", run, moment(chance), **state))
        if chance.random() < 0.5:
            read = sorted(f"{one['resource']} {one['position'] or ''}" for one in cursors if one["key"] == f"r{run}")
            state = {"position": chance.choice([", ".join(read), "less"]), "state": "judged"}
            cursors.append(cursor("run_gaps", run, moment(chance), **state))
    for task in range(0, TASKS, 2):
        seen = {"first_seen_at": before(1e6), "last_seen_at": moment(chance), "pass_id": "p", "last_pass_id": "p"}
        sightings.append({"project_id": 1, "task_id": f"t{task}", "page": 1, **seen, "absent_since": maybe()})
    return {"raw.run_versions": versions, "ledger.cursors": cursors, "raw.task_sightings": sightings}


def plans(
    connection: duckdb.DuckDBPyConnection, now: datetime, days: int | None = None
) -> tuple[CapturePlan, CapturePlan]:
    """The plan from all runs, and the one from those that are open."""
    every = sql.rows(connection.execute(EVERY_RUN, {"project_id": 1}))
    found = open_runs.ask(connection, 1, now, days=days)
    return (
        plan_capture(every, now, parents=parents_of(every), most=2, days=days),
        plan_capture(found.rows, now, parents=found.parents, most=2, days=days, passed_over=found.passed_over),
    )


few = settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@few
@given(seed=st.integers(0), days=st.none() | st.sampled_from([1, 3, 30]), ahead=st.sampled_from([0, -60, 20, 2000]))
def test_a_plan_from_the_open_runs_is_the_plan_from_all(
    warehouse: duckdb.DuckDBPyConnection, seed: int, days: int | None, ahead: int
) -> None:
    with lived(warehouse, drawn(seed)):
        every, of_open = plans(warehouse, NOW + ahead * MINUTE, days)
        left_out = 1000 - len(open_runs.ask(warehouse, 1, NOW + ahead * MINUTE, days=days).rows)
    assert [name for name, planned in asdict(every).items() if planned != asdict(of_open)[name]] == []
    assert left_out > 20, "a world in which nothing can be left out shows nothing"


@few
@given(seed=st.integers(0), days=st.sampled_from([0.5, 3, 7]))
def test_the_runs_that_a_killed_process_did_not_search_for_gaps_are_those_among_all(
    warehouse: duckdb.DuckDBPyConnection, seed: int, days: float
) -> None:
    asked = {"project_id": 1, "since": NOW - timedelta(days=days), "now": NOW}
    with lived(warehouse, drawn(seed)):
        every = sql.rows(warehouse.execute(EVERY_UNSEARCHED, asked))
        found = sql.rows(sql.run(warehouse, "run_events/unsearched", **asked))
    assert {*map(str, found)} == {*map(str, every)}
    assert every


def history(runs: int, **log: Any) -> World:
    """Runs that ended days ago and were read to their end, each of which resumed the one before, and one that goes on.

    ``log`` is what differs in the cursors of their logs.
    """
    ended = before(3 * 1440)
    facts = {"status": "completed", "created_at": ended, "completed_at": ended, "updated_at": ended}
    versions = [version(run, ended, resume_from_run_id=f"r{run - 1}", **facts) for run in range(1, runs + 1)]
    goes_on = {"status": "in_progress", "created_at": before(5), "resume_from_run_id": f"r{runs}"}
    logs = [cursor("run_log", run, before(1440), state="settled", position="5") | log for run in range(1, runs + 1)]
    streams = [cursor("run_stream", run, ended, state="stream_end", position="1-0") for run in range(1, runs + 1)]
    return {
        "raw.run_versions": [*versions, version(runs + 1, before(5), **goes_on)],
        "ledger.cursors": [*logs, *streams],
    }


@pytest.mark.parametrize("runs", [20, 200])
def test_what_a_plan_reads_does_not_grow_with_the_runs_that_are_read_to_their_end(
    warehouse: duckdb.DuckDBPyConnection, runs: int
) -> None:
    with lived(warehouse, history(runs)):
        found = open_runs.ask(warehouse, 1, NOW, days=None)
        every, of_open = plans(warehouse, NOW)
    assert [row["run_id"] for row in found.rows] == [f"r{runs + 1}"]
    assert of_open == every
    [run] = of_open.streams
    assert len(run.ancestors) == runs + 1, "its ancestors are asked for, and so is the one that nobody listed"


@pytest.mark.parametrize("runs", [20, 200])
def test_runs_that_a_first_load_leaves_out_are_counted_and_not_read(
    warehouse: duckdb.DuckDBPyConnection, runs: int
) -> None:
    world = history(runs)
    world["ledger.cursors"] = []
    with lived(warehouse, world):
        found = open_runs.ask(warehouse, 1, NOW, days=2)
        of_all = open_runs.ask(warehouse, 1, NOW, days=None)
    assert (len(found.rows), found.passed_over) == (1, runs)
    assert (len(of_all.rows), of_all.passed_over) == (runs + 1, 0)


def test_a_run_that_is_read_to_its_end_comes_back_when_it_changes_or_is_asked_for(
    warehouse: duckdb.DuckDBPyConnection,
) -> None:
    def shown(*added: dict[str, Any], at: datetime = NOW, asked: tuple[str, ...] = ()) -> bool:
        world = history(3)
        world["raw.run_versions"] += added
        with lived(warehouse, world):
            return "r2" in {row["run_id"] for row in open_runs.ask(warehouse, 1, at, days=None, run_ids=asked).rows}

    ended = {"created_at": before(3 * 1440), "completed_at": before(3 * 1440)}
    assert not shown()
    assert shown(asked=("r2",))
    assert shown(version(2, before(1), status="in_progress", **ended)), "it goes on"
    assert shown(version(2, before(1), status="completed", updated_at=before(1439), **ended)), "its log may have grown"
    assert not shown(version(2, before(1), status="completed", updated_at=before(1440), **ended))
    assert shown(at=before(3 * 1440 - 29)), "the clock was set back, and the server may have its stream"
    with lived(warehouse, history(3, state="drained")):
        assert len(open_runs.ask(warehouse, 1, NOW, days=None).rows) == 4
