"""The cost follows the change: requests of discovery and summaries, with the emulator's own count as the judge."""

import math
from datetime import timedelta
from typing import Any

import pytest

from taskhouse.errors import Throttled
from taskhouse.posthog.budget import Budget, Priority
from taskhouse.resources.tasks import rounds
from taskhouse.resources.tasks.sync import hot_tasks

pytestmark = pytest.mark.usefixtures("attached")


def spent(house: Any) -> int:
    return int(house.emulator.requests(reset=True)["total"])


def hot(house: Any) -> int:
    with house.context() as context:
        return len(hot_tasks(context))


def change(house: Any, runs: list[str]) -> int:
    """200 changes of every kind but absence: new tasks, new runs, ended runs, renames, archiving."""
    emulator = house.emulator
    ids = [task["id"] for task in emulator.truth(runs=False)["tasks"]]
    for number in range(60):
        emulator.mutate("new_task", title=f"new {number}", run=number % 2 == 0)
    for task_id in ids[5:65]:
        emulator.mutate("new_run", task_id=task_id)
    for run_id in runs[:40]:
        emulator.mutate("finish", run_id=run_id)
    for task_id in ids[500:520]:
        emulator.mutate("rename", task_id=task_id, title=f"another {task_id}")
    for task_id in ids[520:540]:
        emulator.mutate("archive", task_id=task_id)
    return 160 + len(runs[:40])


@pytest.mark.parametrize(
    "moves",
    [True, pytest.param(False, marks=pytest.mark.worlds)],
    ids=["activity moves", "activity stands still"],
)
def test_what_a_tick_does_not_show_the_next_sweep_of_the_summaries_does(make_house: Any, moves: bool) -> None:  # noqa: FBT001
    house = make_house(emulator_tasks=900, emulator_activity_moves=moves)
    house.sync("tasks")
    change(house, [])
    assert house.sync("tasks").verdict == "complete"
    assert {row[0] for row in house.present()} == {row[0] for row in house.truth_tasks()}
    house.later = timedelta(hours=25)
    spent(house)
    report = house.sync("tasks")
    assert report.verdict == "complete"
    assert house.rows("SELECT kind FROM ledger.passes ORDER BY started_at DESC LIMIT 1") == [("summaries",)]
    assert house.present() == house.truth_tasks()
    assert spent(house) <= 5 + math.ceil(len(house.present()) / 100) + 110


@pytest.mark.worlds
def test_a_sweep_of_the_summaries_without_room_is_left_to_the_next_tick(
    make_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "SMALL", 10)
    house = make_house(emulator_tasks=125, emulator_live_runs=0)
    house.sync("tasks")
    house.later = timedelta(hours=25)
    acquire = Budget.acquire

    async def full(self: Budget, priority: Priority, *, within_s: float | None = None) -> float:
        if priority is Priority.SWEEP:
            assert within_s is not None, "a tick would wait for up to an hour, and all ticks after it"
            raise Throttled("others fill this hour", retry_after_s=3600)
        return await acquire(self, priority, within_s=within_s)

    kinds = "SELECT kind FROM ledger.passes WHERE resource = 'tasks' ORDER BY started_at"
    with monkeypatch.context() as busy:
        busy.setattr(Budget, "acquire", full)
        house.sync("tasks")
    house.later += timedelta(minutes=5)
    assert house.sync("tasks").verdict == "complete"
    assert house.rows(kinds) == [("list",), ("tick",), ("summaries",)]


@pytest.mark.parametrize(
    ("moves", "later", "kind"),
    [(True, timedelta(days=1), "summaries"), pytest.param(False, timedelta(days=7), "list", marks=pytest.mark.worlds)],
    ids=["updated_at moves", "updated_at stands still"],
)
def test_what_is_archived_is_found_at_the_latest_by_the_sweep_of_the_list(
    make_house: Any,
    moves: bool,  # noqa: FBT001
    later: timedelta,
    kind: str,
) -> None:
    house = make_house(emulator_tasks=500, emulator_saves_move=moves, emulator_activity_moves=False)
    house.sync("tasks")
    old = [task_id for task_id, *_, archived, _, _, _ in house.present() if not archived][:5]
    for task_id in old:
        house.emulator.mutate("archive", task_id=task_id)
    assert house.sync("tasks").verdict == "complete"
    assert house.present() != house.truth_tasks()
    house.later = later + timedelta(hours=1)
    assert house.sync("tasks").verdict == "complete"
    assert house.rows("SELECT kind FROM ledger.passes ORDER BY started_at DESC LIMIT 1") == [(kind,)]
    assert house.present() == house.truth_tasks()
    history = house.rows(
        "SELECT task_id FROM main.task_history WHERE archived AND list_contains(?, task_id) ORDER BY 1", old
    )
    assert [task_id for (task_id,) in history] == sorted(old)


@pytest.mark.parametrize("place", [pytest.param(0, marks=pytest.mark.worlds), 600])
def test_a_deletion_anywhere_costs_some_ten_requests_and_not_a_sweep(make_house: Any, place: int) -> None:
    house = make_house(emulator_tasks=900)
    house.sync("tasks")
    spent(house)
    gone = house.rows("SELECT task_id FROM raw.task_versions ORDER BY created_at DESC, task_id DESC")[place][0]
    house.emulator.mutate("delete", task_id=gone)
    report = house.sync("tasks")
    assert (report.verdict, report.absent) == ("complete", 1)
    assert spent(house) <= 5 + 10
    assert house.present() == house.truth_tasks()


def test_a_task_that_becomes_visible_is_found_by_the_count(make_house: Any) -> None:
    house = make_house(emulator_tasks=900)
    house.sync("tasks")
    some = house.rows("SELECT task_id FROM raw.task_versions ORDER BY created_at DESC, task_id DESC")[400][0]
    house.emulator.mutate("hide", task_id=some)
    house.sync("tasks")
    house.emulator.mutate("show", task_id=some)
    spent(house)
    assert house.sync("tasks").verdict == "complete"
    assert spent(house) <= 5 + 10
    assert house.present() == house.truth_tasks()


def test_an_exchange_that_no_count_shows_is_found_by_the_row_drawn_at_random(
    make_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make_house(emulator_tasks=900)
    some = [task["id"] for task in house.emulator.truth(runs=False)["tasks"]]
    house.emulator.mutate("hide", task_id=some[200])
    house.sync("tasks")
    house.emulator.mutate("show", task_id=some[200])
    house.emulator.mutate("delete", task_id=some[600])
    monkeypatch.setattr("random.randrange", lambda size: size // 2)
    assert house.sync("tasks").verdict == "complete"
    assert house.present() == house.truth_tasks()


def test_a_server_without_the_order_is_read_by_creation(make_house: Any) -> None:
    house = make_house(emulator_tasks=900, emulator_ignored_parameters=frozenset({"ordering"}))
    house.sync("tasks")
    for number in range(130):
        house.emulator.mutate("new_task", title=f"new {number}")
    spent(house)
    assert house.sync("tasks").verdict == "complete"
    assert spent(house) <= 5 + 10
    assert house.rows("SELECT request FROM ledger.pages WHERE contains(request, 'by') ORDER BY page DESC LIMIT 1") == [
        ("list by created_at",)
    ]
    assert house.present() == house.truth_tasks()
    spent(house)
    house.sync("tasks")
    assert spent(house) <= 5 + math.ceil(hot(house) / 100)
