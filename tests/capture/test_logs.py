"""Logs: a run's own entries, all of them and no others, and a log settled only where that was proved."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskhouse.capture.capture_schedule import plan_capture
from taskhouse.emulator.versions import at_version
from taskhouse.errors import TaskhouseError
from taskhouse.posthog import retry
from taskhouse.warehouse import sql
from tests.capture.test_failed_streams import row

pytestmark = pytest.mark.usefixtures("attached")

STATE = "SELECT state FROM ledger.cursors WHERE resource = 'run_log' AND key = ?"


def logs(hashes: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """By run, the number and SHA-256 of its log entries."""
    return {run_id: log for run_id, (_, log) in hashes.items()}


def chains(house: Any, tasks: int, runs: int) -> list[list[str]]:
    """The runs of some tasks, each resumed from the one before, all over and their logs flushed; oldest first."""
    made: list[list[str]] = [[] for _ in range(tasks)]
    found = house.emulator.truth(runs=False)["tasks"][:tasks]
    for _ in range(runs):
        for task, chain in zip(found, made, strict=True):
            before = chain[-1] if chain else None
            chain.append(house.emulator.mutate("new_run", task_id=task["id"], resume_from=before)["run_id"])
        advance(house, 900)
    return made


def resumed(house: Any, runs: int = 2) -> list[str]:
    """The runs of one task, each resumed from the one before."""
    return chains(house, 1, runs)[0]


def advance(house: Any, seconds: float) -> None:
    """Let time pass for the server and for taskhouse."""
    house.emulator.clock(advance_s=seconds)
    house.later += timedelta(seconds=seconds)


def listed(house: Any) -> None:
    """Bring tasks and runs up to date."""
    house.sync("tasks")
    house.sync("runs")


def state(house: Any, run_id: str) -> str:
    """The state of a run's log."""
    return str(next(iter(house.rows(STATE, run_id)), ("",))[0])


def unplaced(house: Any, run_id: str) -> list[tuple[Any, ...]]:
    """Entries that are kept though their place in the run's log is not known."""
    texts: list[tuple[Any, ...]] = house.rows(
        "SELECT payload FROM ledger.quarantine WHERE record_key = ? AND replayed_at IS NULL", run_id
    )
    return texts


def assert_whole(house: Any, *run_ids: str) -> None:
    """Each of the logs is held exactly, and settled."""
    held, truth = logs(house.hashes()), logs(house.truth_hashes())
    assert {run_id: held[run_id] for run_id in run_ids} == {run_id: truth[run_id] for run_id in run_ids}
    assert {run_id: state(house, run_id) for run_id in run_ids} == dict.fromkeys(run_ids, "settled")
    assert house.rows("SELECT record_key FROM ledger.quarantine WHERE replayed_at IS NULL") == []


def fault(run_id: str, kind: str, **more: Any) -> dict[str, Any]:
    """A fault of a run's log."""
    return {"kind": kind, "endpoint": "runs.session_logs", "path": run_id, **more}


@pytest.fixture
def house(make_house: Any) -> Any:
    return make_house(emulator_tasks=8, log_final_s=0)


GONE: list[Any] = [
    {"kind": "status", "status": 404},
    pytest.param({"kind": "status", "status": 403}, marks=pytest.mark.worlds),
]


@pytest.mark.parametrize("answer", GONE, ids=["404", "403"])
def test_a_parent_that_is_refused_decides_nothing_about_its_child(house: Any, answer: dict[str, Any]) -> None:
    first, second = resumed(house)
    listed(house)
    house.emulator.faults(fault(first, **answer))
    with retry.instant(), suppress(TaskhouseError):
        house.sync("run_events")
    assert state(house, second) == "unproved"
    assert len(unplaced(house, second)) > 20
    house.emulator.faults()
    house.later += timedelta(minutes=2)
    assert house.sync("run_events").verdict == "complete"
    assert_whole(house, second)


@pytest.mark.parametrize("answer", GONE, ids=["404", "403"])
def test_what_is_held_of_a_parent_tells_where_its_child_begins(house: Any, answer: dict[str, Any]) -> None:
    (first,) = resumed(house, 1)
    listed(house)
    house.sync("run_events")
    assert_whole(house, first)
    task_id = house.rows("SELECT task_id FROM raw.run_versions WHERE run_id = ?", first)[0][0]
    second = house.emulator.mutate("new_run", task_id=task_id, resume_from=first)["run_id"]
    advance(house, 900)
    listed(house)
    house.emulator.faults(fault(first, **answer))
    with retry.instant():
        report = house.sync("run_events")
    assert report.verdict == "complete", report.reason
    assert_whole(house, first, second)


LIES: list[dict[str, Any]] = [
    {"kind": "missing_row"},
    {"kind": "missing_row", "at": 2},
    {"kind": "duplicate_row"},
    {"kind": "header", "name": "X-Total-Count", "value": 3},
    {"kind": "header", "name": "X-Total-Count", "value": 4000},
]


@pytest.mark.parametrize("of", [pytest.param(0, marks=pytest.mark.worlds), 1], ids=["a first run", "a resumed run"])
def test_a_log_that_does_not_add_up_is_kept_and_read_again(house: Any, of: int) -> None:
    made = [chain[of] for chain in chains(house, len(LIES), 2)]
    listed(house)
    house.emulator.faults(*(fault(run_id, **lie) for run_id, lie in zip(made, LIES, strict=True)))
    for _ in range(2):
        assert house.sync("run_events").verdict == "incomplete", "and not green the second time"
    for run_id in made:
        assert state(house, run_id) == "unproved"
        assert len(unplaced(house, run_id)) > 20, "it is kept"
    assert house.rows(
        "SELECT count(*) FROM raw.run_log_entries SEMI JOIN (SELECT unnest(?) AS run_id) USING (run_id)", made
    ) == [(0,)]
    house.emulator.faults()
    assert house.sync("run_events").verdict == "complete"
    assert_whole(house, *made)
    numbered = "SELECT run_id FROM raw.run_log_entries GROUP BY ALL HAVING max(position) + 1 <> count(*)"
    assert house.rows(numbered) == []


SERVED: dict[str, dict[str, Any]] = {
    "with its ancestors": {},
    "alone": {"emulator_log_chains": False},
    "in small pages": {"emulator_session_logs_bytes": 3000},
}


@pytest.mark.parametrize(
    "served", [pytest.param(one, marks=[pytest.mark.worlds] * (one != "in small pages")) for one in SERVED]
)
def test_every_own_entry_is_held_however_a_log_is_served(make_house: Any, served: str) -> None:
    house = make_house(emulator_tasks=8, log_final_s=0, **SERVED[served])
    made = resumed(house, 4)
    listed(house)
    assert house.sync("run_events").verdict == "complete"
    assert_whole(house, *made)


def test_a_server_of_spring_loses_no_own_entry_of_a_resumed_run(make_house: Any) -> None:
    spring = at_version("2026-05", tasks=8)
    house = make_house(
        log_final_s=0,
        **{f"emulator_{name}": getattr(spring, name) for name in spring.__dataclass_fields__ if name != "keys"}
        | {"emulator_live_runs": 0, "emulator_speed": 0, "emulator_repositories": 6, "emulator_events": 0.3},
    )
    made = resumed(house, 4)
    listed(house)
    house.sync("run_events")
    assert_whole(house, *made)


def test_a_log_of_one_page_costs_one_request_and_that_of_a_resumed_run_two(house: Any) -> None:
    made = resumed(house, 3)
    listed(house)
    house.emulator.requests(reset=True)
    house.sync("run_events")
    first_runs = house.rows("SELECT count(*) FROM main.runs WHERE resume_from_run_id IS NULL")[0][0]
    others = house.rows("SELECT count(*) FROM main.runs WHERE resume_from_run_id IS NOT NULL")[0][0]
    assert others >= 2
    assert house.emulator.requests()["by_endpoint"]["runs.session_logs"] == first_runs + 2 * others
    assert_whole(house, *made)


@pytest.mark.worlds
def test_a_log_that_grows_after_it_was_settled_is_read_on(house: Any) -> None:
    first, second = resumed(house)
    listed(house)
    house.sync("run_events")
    for run_id in (first, second):
        house.emulator.mutate("reopen", run_id=run_id)
        advance(house, 1200)
        listed(house)
        assert house.sync("run_events").verdict == "complete"
        assert_whole(house, first, second)


@pytest.mark.worlds
def test_an_ancestor_that_grew_or_went_moves_nothing_of_its_child(house: Any) -> None:
    first, second = resumed(house)
    listed(house)
    house.sync("run_events")
    house.emulator.mutate("reopen", run_id=first)
    advance(house, 1200)
    house.emulator.mutate("reopen", run_id=second)
    advance(house, 1200)
    listed(house)
    assert house.sync("run_events").verdict == "complete"
    assert_whole(house, first, second)


def test_a_log_that_began_anew_after_it_had_expired_is_read_on(house: Any) -> None:
    (first,) = resumed(house, 1)
    listed(house)
    house.sync("run_events")
    before = house.rows("SELECT position, payload FROM raw.run_log_entries WHERE run_id = ? ORDER BY 1", first)
    advance(house, 31 * 86400)
    house.emulator.mutate("reopen", run_id=first)
    advance(house, 1200)
    listed(house)
    assert house.sync("run_events").verdict == "complete"
    after = house.rows("SELECT position, payload FROM raw.run_log_entries WHERE run_id = ? ORDER BY 1", first)
    assert after[: len(before)] == before
    assert len(after) - len(before) == logs(house.truth_hashes())[first][0] > 0
    assert [position for position, _ in after] == list(range(len(after)))


@pytest.mark.worlds
def test_logs_that_earlier_rules_left_wrong_heal(house: Any) -> None:
    short, shifted, doubled, behind = chains(house, 4, 2)
    listed(house)
    house.sync("run_events")
    wrong = {
        short[1]: "DELETE FROM raw.run_log_entries WHERE run_id = $run AND position >= 9",
        shifted[1]: "DELETE FROM raw.run_log_entries WHERE run_id = $run AND position < 7",
        doubled[1]: "INSERT INTO raw.run_log_entries SELECT * REPLACE (900 + position AS position)"
        " FROM raw.run_log_entries WHERE run_id = $run AND position < 3",
        behind[1]: "INSERT INTO raw.run_log_entries SELECT * REPLACE ($run AS run_id, position - 1000 AS position)"
        f" FROM raw.run_log_entries WHERE run_id = '{behind[0]}' AND position < 5",
    }
    with house.warehouse().transaction("leaving it as earlier rules would") as connection:
        for run_id, change in wrong.items():
            connection.execute(change, {"run": run_id})
            connection.execute(
                "UPDATE raw.run_log_entries SET position = place FROM (SELECT position AS was, row_number()"
                " OVER (ORDER BY position) - 1 AS place FROM raw.run_log_entries WHERE run_id = $run)"
                " WHERE run_id = $run AND position = was",
                {"run": run_id},
            )
            connection.execute(
                "UPDATE ledger.cursors SET position = (SELECT count(*) FROM raw.run_log_entries WHERE run_id = $run)"
                " WHERE resource = 'run_log' AND key = $run",
                {"run": run_id},
            )
        connection.execute(sql.statement("taskhouse.warehouse", "schema/logs_unproved"))
    assert house.sync("run_events").verdict == "complete"
    assert_whole(house, *short, *shifted, *doubled, *behind)
    assert house.rows("SELECT count(*) FROM ledger.quarantine WHERE replayed_at IS NULL") == [(0,)]
    again = house.emulator.requests(reset=True)
    assert house.sync("run_events").verdict == "complete"
    assert house.emulator.requests()["by_endpoint"].get("runs.session_logs", 0) == 0, again


def test_a_log_that_expired_before_it_was_proved_is_a_gap(house: Any) -> None:
    (run_id,) = resumed(house, 1)
    listed(house)
    house.emulator.faults(fault(run_id, "missing_row"))
    house.sync("run_events")
    advance(house, 31 * 86400)
    house.emulator.faults()
    assert house.sync("run_events").verdict == "complete"
    assert state(house, run_id) == "expired"
    assert house.rows("SELECT how, certain FROM ledger.gaps WHERE run_id = ? AND NOT repaired_from_log", run_id) == [
        ("the log expired before it was read to its end", False)
    ]


def test_a_log_that_is_flushed_late_is_read_once_more(make_house: Any) -> None:
    """A flush that fails is tried again for minutes, so what is read soon after a run's end is not final."""
    house = make_house(emulator_tasks=4, log_final_s=600)
    run_id = house.emulator.mutate("new_task", run=True)["run_id"]
    advance(house, 5)
    house.emulator.mutate("finish", run_id=run_id)
    advance(house, 20)
    listed(house)
    house.sync("run_events")
    assert state(house, run_id) == "drained"
    house.emulator.mutate("inject", run_id=run_id, log='{"late":1}')
    house.emulator.requests(reset=True)
    assert house.sync("run_events").verdict == "complete"
    assert "runs.session_logs" not in house.emulator.requests()["by_endpoint"], "not at every pass"
    advance(house, 600)
    house.sync("run_events")
    assert state(house, run_id) == "settled"
    assert_whole(house, run_id)


def test_an_empty_log_is_looked_at_in_growing_pauses_for_a_day() -> None:
    now = datetime(2026, 9, 1, 12, tzinfo=UTC)

    def due(ended: float, read: float, position: str) -> bool:
        """Whether a log is read again by how many minutes ago it was read and its run ended."""
        at = {"server_changed_at": now - timedelta(minutes=ended), "log_read_at": now - timedelta(minutes=read)}
        given = {"status": "completed", "stream_state": "stream_end", "log_state": "drained", "log_position": position}
        found = plan_capture([row(**{**at, **given})], now, parents={}, most=9, days=None)
        return bool(found.logs)

    assert [due(9, 8, "5"), due(10, 8, "5"), due(10, 8, "0"), due(20, 12, "0")] == [False, True, False, True]
    assert [due(180, 100, "0"), due(180, 80, "0")] == [True, False]
