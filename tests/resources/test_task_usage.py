"""Usage: every task that moved is asked once, again when its cost has settled, and nobody where metering is down."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from taskhouse.errors import AccessDenied
from taskhouse.operations import replay_quarantine
from taskhouse.posthog import retry
from taskhouse.resources.task_usage import sync as task_usage
from taskhouse.resources.task_usage.sync import due

pytestmark = pytest.mark.usefixtures("attached")

NOW = datetime(2026, 9, 14, 12, 0, tzinfo=UTC)
RESTING = 2
"""Seed of a world in which nothing moved just now."""
DENIED = {"type": "authentication_error", "code": "permission_denied", "detail": "No.", "attr": None}
AMOUNTS = ("token_cost_usd", "compute_cost_usd", "total_cost_usd")


def ready(make_house: Any, **keywords: Any) -> Any:
    house = make_house(task_usage=True, emulator_seed=RESTING, **keywords)
    house.sync("tasks")
    house.sync("runs")
    house.emulator.requests(reset=True)
    return house


def asked(house: Any) -> int:
    return int(house.emulator.requests(reset=True)["by_endpoint"].get("tasks.usage", 0))


def truth(house: Any) -> dict[str, tuple[float, ...]]:
    """What every task that has a run costs now."""
    tasks = house.emulator.truth(runs=False)["tasks"]
    return {task["id"]: tuple(task["usage"][name] for name in AMOUNTS) for task in tasks if task["runs"]}


def held(house: Any) -> dict[str, tuple[float, ...]]:
    rows = house.rows(
        f"SELECT task_id, {', '.join(AMOUNTS)} FROM raw.task_usage"
        " QUALIFY row_number() OVER (PARTITION BY task_id ORDER BY valid_from DESC) = 1"
    )
    return {task_id: tuple(amounts) for task_id, *amounts in rows}


def test_every_task_with_a_run_is_asked_once_and_again_when_it_has_settled(make_house: Any) -> None:
    house = ready(make_house)
    report = house.sync("task_usage")
    assert (report.verdict, asked(house)) == ("complete", len(truth(house)))
    assert held(house) == truth(house)
    assert (house.sync("task_usage").verdict, asked(house)) == ("complete", 0)
    done = next(task["id"] for task in house.emulator.truth(runs=False)["tasks"] if task["latest_run_status"])
    run_id = house.emulator.mutate("new_run", task_id=done)["run_id"]
    house.emulator.mutate("finish", run_id=run_id, status="completed")
    for resource in ("tasks", "runs"):
        house.sync(resource)
    assert (house.sync("task_usage").verdict, asked(house)) == ("complete", 1)
    assert (house.sync("task_usage").verdict, asked(house)) == ("complete", 0)
    moments = []
    for minutes in (59, 61, 180, 5000):
        house.later = timedelta(minutes=minutes)
        assert house.sync("task_usage").rows_added == 0
        moments += house.rows("SELECT updated_at FROM ledger.cursors WHERE resource = 'task_usage' AND key = ?", done)
    assert moments[0] < moments[1] == moments[2] == moments[3]


def test_what_a_running_task_costs_is_a_new_row_as_it_grows(make_house: Any) -> None:
    house = ready(make_house, emulator_tasks=5)
    moving = house.emulator.mutate("new_task", run=True)["task_id"]
    house.emulator.clock(advance_s=30)
    for _ in range(3):
        for resource in ("tasks", "runs", "task_usage"):
            house.sync(resource)
        house.emulator.clock(advance_s=30)
        house.later += timedelta(seconds=30)
    rows = house.rows("SELECT total_cost_usd FROM raw.task_usage WHERE task_id = ? ORDER BY valid_from", moving)
    assert len(rows) == 3
    assert rows == sorted(set(rows))


def test_a_first_load_takes_a_bounded_number_of_tasks_a_pass(make_house: Any) -> None:
    house = ready(make_house, first_load_tasks=20)
    whole = len(truth(house))
    report = house.sync("task_usage")
    assert (report.verdict, asked(house)) == ("incomplete", 20)
    assert f"the usage of {whole - 20} tasks is still to be read" in report.reason
    while house.sync("task_usage").verdict != "complete":
        pass
    assert held(house) == truth(house)


def test_a_pass_stops_where_metering_is_down_and_the_next_one_brings_the_rest(make_house: Any) -> None:
    house = ready(make_house)
    house.emulator.mutate("settings", metering_down=True)
    with retry.instant():
        report = house.sync("task_usage")
    assert (report.verdict, "task_usage_upstream_unavailable" in report.reason) == ("incomplete", True)
    assert report.requests - report.retries <= 8
    house.emulator.mutate("settings", metering_down=False)
    assert house.sync("task_usage").verdict == "complete"
    assert held(house) == truth(house)


def test_a_task_that_is_gone_is_asked_for_no_more_once_that_is_known(make_house: Any) -> None:
    house = ready(make_house)
    gone = next(iter(truth(house)))
    house.emulator.mutate("delete", task_id=gone)
    report = house.sync("task_usage")
    assert (report.verdict, "1 usage of a task was not found (404)" in report.reason) == ("incomplete", True)
    house.sync("tasks")
    asked(house)
    assert (house.sync("task_usage").verdict, asked(house)) == ("complete", 0)
    assert held(house) == truth(house)


def test_a_refusal_of_one_task_concerns_it_alone(make_house: Any) -> None:
    house = ready(make_house)
    refused, *others = truth(house)
    house.emulator.faults({"kind": "status", "status": 403, "endpoint": "tasks.usage", "path": refused, "body": DENIED})
    report = house.sync("task_usage")
    assert (report.verdict, report.rows_added) == ("incomplete", len(others))
    assert "1 usage of a task was refused (403) less than a day ago" in report.reason
    asked(house)
    house.later = timedelta(seconds=30)
    assert (house.sync("task_usage").verdict, asked(house)) == ("incomplete", 0)
    for days in (1, 2, 3):
        house.later = timedelta(days=days, minutes=1)
        report = house.sync("task_usage")
        assert (report.verdict, "1 usage of a task is refused (403)" in report.reason) == ("complete", True)
    assert asked(house) <= 3 + len(others)
    house.emulator.faults()
    house.later = timedelta(days=5)
    report = house.sync("task_usage")
    assert (report.verdict, "refused" in report.reason) == ("complete", False)
    assert held(house) == truth(house)


@pytest.mark.parametrize(
    ("state", "returned", "expected"), [("not_found", 1, True), ("not_found", 3, False), ("refused", 1, False)]
)
def test_a_task_that_comes_back_is_asked_for_at_once(state: str, returned: int, *, expected: bool) -> None:
    times = {
        "changed_at": NOW - timedelta(days=9),
        "seen_at": NOW - timedelta(days=9),
        "since": NOW - timedelta(days=5),
    }
    asked_at, returned_at = NOW - timedelta(hours=2), NOW - timedelta(hours=returned)
    task = {"task_id": "t", "moves": False, "state": state, "asked_at": asked_at, "returned_at": returned_at, **times}
    assert due([task], NOW, most=9, days=None) == (["t"] if expected else [], 0)


def test_a_key_that_is_refused_ends_the_pass(make_house: Any) -> None:
    house = ready(make_house, emulator_tasks=20)
    house.settings = house.settings.model_copy(update={"api_key": SecretStr("phx_wrong")})
    with pytest.raises(AccessDenied):
        house.sync("task_usage")
    assert asked(house) <= 2 * task_usage.AT_ONCE


def test_an_amount_that_is_none_waits_in_quarantine(make_house: Any) -> None:
    house = ready(make_house)
    house.emulator.faults(
        {"kind": "mistyped_field", "endpoint": "tasks.usage", "times": 1, "field": "total_cost_usd", "value": "much"}
    )
    report = house.sync("task_usage")
    assert (report.verdict, report.quarantined) == ("incomplete", 1)
    assert house.rows("SELECT resource, pointer FROM ledger.quarantine") == [("task_usage", "/total_cost_usd")]
    assert house.run(replay_quarantine(house.settings, 1)).still == {"task_usage": 1}
    assert house.sync("task_usage").verdict == "complete"
    assert held(house) == truth(house)
    assert house.rows("SELECT outcome FROM ledger.quarantine") == [("superseded",)]


@pytest.mark.parametrize(
    ("changed", "last_asked", "moves", "expected"),
    [
        (timedelta(minutes=5), timedelta(minutes=10), False, True),
        (timedelta(minutes=5), timedelta(minutes=1), False, False),
        (timedelta(minutes=61), timedelta(minutes=30), False, True),
        (timedelta(minutes=61), timedelta(seconds=30), False, False),
        (timedelta(days=2), timedelta(days=1), False, False),
        (timedelta(minutes=5), timedelta(seconds=1), True, True),
        (timedelta(hours=5), timedelta(minutes=10), True, False),
        (timedelta(hours=5), timedelta(minutes=15), True, True),
        (timedelta(days=9), timedelta(hours=23), True, False),
        (timedelta(days=9), timedelta(hours=24), True, True),
    ],
)
def test_what_moves_is_asked_ever_more_rarely_and_what_ended_once_more_after_an_hour(
    changed: timedelta, last_asked: timedelta, *, moves: bool, expected: bool
) -> None:
    times = {"changed_at": NOW - changed, "seen_at": NOW - changed, "asked_at": NOW - last_asked}
    task = {"task_id": "t", "moves": moves, "state": "asked", **times}
    assert due([task], NOW, most=9, days=None) == (["t"] if expected else [], 0)


def test_what_rests_for_long_is_not_taken_on_where_the_settings_say_so() -> None:
    tasks = [
        {"task_id": str(days), "changed_at": NOW - timedelta(days=days), "asked_at": None, "moves": False}
        for days in (40, 1, 9)
    ]
    assert due(tasks, NOW, most=9, days=30) == (["1", "9"], 0)
    assert due(tasks, NOW, most=2, days=None) == (["1", "9"], 1)
