"""A sweep that is interrupted goes on with its next page, or begins anew and says so."""

import json
import math
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from taskhouse.emulator.settings import Key
from taskhouse.errors import TaskhouseError
from taskhouse.passes import sync_pass
from taskhouse.posthog import retry
from taskhouse.resources.tasks import rounds, rows
from taskhouse.resources.tasks.sync import again
from tests.killed import killed

PAGES = {"emulator_tasks": 1600}
"""About 13 pages of what the key sees."""

OUTAGE = {"kind": "500", "endpoint": "tasks.list"}


@pytest.fixture(autouse=True)
def commits_of_two_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rows, "COMMIT_PAGES", 2)
    monkeypatch.setattr(sync_pass, "HELD_PAGES", 2)


def broken_off(house: Any, *, after: int) -> None:
    """A first sweep that meets an outage after a number of pages."""
    house.emulator.faults({**OUTAGE, "after": after})
    with retry.instant(), suppress(TaskhouseError):
        house.sync("tasks")
    house.emulator.faults()


def listed(house: Any) -> int:
    return int(house.emulator.requests(reset=True)["by_endpoint"].get("tasks.list", 0))


def passes(house: Any) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = house.rows(
        "SELECT verdict, resumes, interrupted, reason FROM ledger.passes ORDER BY started_at"
    )
    return found


def test_a_pass_that_dies_at_8_of_14_pages_costs_about_6_more(make_house: Any) -> None:
    house = make_house(**PAGES)
    broken_off(house, after=8)
    assert passes(house)[0][0] == "incomplete"
    listed(house)
    report = house.sync("tasks")
    assert (report.verdict, listed(house)) == ("complete", 1 + 5 + 1)  # a count, the pages, the proof
    [(verdict, resumes, interrupted, _)] = passes(house)
    assert (verdict, resumes, interrupted) == ("complete", 1, False)
    assert house.present() == house.truth_tasks()
    assert house.rows("SELECT count(*), count(DISTINCT row_offset), sum(row_count) FROM ledger.pages") == [
        (13, 13, len(house.truth_tasks()) + 2 * 12)
    ]


@pytest.mark.parametrize("page", [12, *(pytest.param(page, marks=pytest.mark.worlds) for page in (0, 1, 5))])
def test_wherever_it_breaks_off_the_next_pass_ends_with_the_truth(make_house: Any, page: int) -> None:
    house = make_house(**PAGES)
    broken_off(house, after=page)
    assert house.sync("tasks").verdict == "complete"
    assert house.present() == house.truth_tasks()


@pytest.mark.worlds
def test_an_outage_during_which_tasks_come_and_go_does_not_break_the_joint(make_house: Any) -> None:
    house = make_house(**PAGES)
    ids = [task["id"] for task in house.emulator.truth(runs=False)["tasks"]]
    broken_off(house, after=9)
    for _ in range(15):
        house.emulator.mutate("new_task")
    for task_id in ids[::200]:
        house.emulator.mutate("delete", task_id=task_id)
    listed(house)
    assert house.sync("tasks").verdict == "complete"
    assert house.present() == house.truth_tasks()
    assert passes(house)[0][1] == 1


@pytest.mark.worlds
def test_what_does_not_join_begins_anew_and_says_so(make_house: Any) -> None:
    house = make_house(**PAGES)
    broken_off(house, after=7)
    [(position,)] = house.rows("SELECT position FROM ledger.cursors WHERE key = 'walk'")
    moved = json.loads(position)
    moved["walk"]["tail"] = ["00000000-0000-4000-8000-000000000000"]
    house.rows("UPDATE ledger.cursors SET position = ? WHERE key = 'walk'", json.dumps(moved))
    assert house.sync("tasks").verdict == "complete"
    first, second = passes(house)
    assert first[0] == "incomplete"
    assert "contains no row of the previous one; a new pass begins" in first[3]
    assert second[:3] == ("complete", 0, False)
    assert house.present() == house.truth_tasks()


@pytest.mark.worlds
def test_another_view_or_too_long_an_interruption_begins_anew(make_house: Any) -> None:
    house = make_house(emulator_keys=(Key(), Key("phx_other", user_id=2)), **PAGES)
    broken_off(house, after=7)
    secret = type(house.settings.api_key)
    house.settings = house.settings.model_copy(update={"api_key": secret("phx_other")})
    house.sync("tasks")
    assert "it began as user" in passes(house)[0][3]
    house = make_house(**PAGES)
    broken_off(house, after=7)
    house.later = timedelta(days=2)
    assert house.sync("tasks").verdict == "complete"
    assert [row[1] for row in passes(house)] == [0, 0]


@pytest.mark.worlds
def test_a_page_that_never_comes_does_not_keep_the_rest_waiting_for_ever(make_house: Any) -> None:
    house = make_house(**PAGES)
    house.sync("tasks")
    house.later = timedelta(days=8)
    broken_off(house, after=6)
    house.emulator.faults({**OUTAGE, "path": "tasks/$", "after": 2})
    for _ in range(4):
        with retry.instant(), suppress(TaskhouseError):
            house.sync("tasks")
    house.emulator.faults()
    assert house.sync("tasks").verdict == "complete"


ROTATED = "SELECT count(*), count(DISTINCT sha256) FROM ledger.pages WHERE request = 'list, in rotation'"


def test_kill_9_in_the_middle_of_a_page(make_house: Any) -> None:
    house = make_house(**PAGES)
    killed(house, "tasks.list", at=10)
    assert passes(house)[0][:3] == ("running", 0, False)
    listed(house)
    assert house.sync("tasks").verdict == "complete"
    assert listed(house) == 1 + 4 + 1  # a count, the pages that never came, the proof
    assert not list(house.settings.home.glob("pages/*"))
    assert house.wrong() == {}
    assert house.present() == house.truth_tasks()
    assert house.rows("SELECT resumes, requests > 13, rows_distinct FROM ledger.passes") == [
        (1, True, len(house.truth_tasks()))
    ]


@pytest.mark.worlds
def test_kill_9_in_a_sweep_of_the_summaries_costs_one_page(make_house: Any) -> None:
    house = make_house(emulator_tasks=1600, emulator_live_runs=0)
    house.sync("tasks")
    total = math.ceil(len(house.truth_tasks()) / 100)
    house.emulator.requests(reset=True)
    killed(house, "tasks.summaries", at=10, hours=23)
    assert list(house.settings.home.glob("pages/tasks-1/*"))
    house.emulator.requests(reset=True)
    house.later = timedelta(hours=25)
    assert house.sync("tasks").verdict == "complete"
    assert house.emulator.requests()["by_endpoint"]["tasks.summaries"] <= total - 9 + 2
    assert house.rows("SELECT kind FROM ledger.passes ORDER BY started_at") == [
        ("list",),
        ("summaries",),
        ("summaries",),
    ]
    seen_by_the_first = house.rows(
        "SELECT count(*) FROM raw.task_sightings AS seen JOIN ledger.passes AS one ON one.pass_id = seen.last_pass_id"
        " WHERE one.verdict <> 'complete' AND seen.last_seen_at < one.started_at + INTERVAL 1 HOUR"
    )
    assert seen_by_the_first[0][0] > 500, "when it was seen is when the page came"
    assert not list(house.settings.home.glob("pages/*"))
    assert house.wrong() == {}
    assert house.present() == house.truth_tasks()


@pytest.mark.worlds
def test_kill_9_in_the_list_in_rotation_costs_one_page(make_house: Any) -> None:
    """The next five pages are on disk, and count if the second commit of two pages is in the warehouse by then."""
    house = make_house(**PAGES)
    house.sync("tasks")
    house.emulator.requests(reset=True)
    killed(house, "tasks.list", at=1 + 9 + 1, hours=20)
    [(committed, _)] = house.rows(ROTATED)
    assert list(house.settings.home.glob("pages/tasks-1/*"))
    read = committed + 5 * (committed == 4)
    house.emulator.requests(reset=True)
    house.later = timedelta(hours=20, minutes=1)
    assert house.sync("tasks").verdict == "complete"
    [(pages, different)] = house.rows(ROTATED)
    assert pages == different > 9
    assert listed(house) == 1 + (pages - read) + 1  # what changed, the pages that never came, the proof
    assert not list(house.settings.home.glob("pages/*"))
    assert house.wrong() == {}
    assert house.present() == house.truth_tasks()


@pytest.mark.worlds
def test_a_first_load_that_met_a_bad_page_is_tried_again_after_ten_minutes_then_after_twenty(
    make_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "SMALL", 20)
    house = make_house(emulator_tasks=500)
    fault = {"kind": "not_json", "endpoint": "tasks.list", "after": 1, "times": 8}

    def swept(minutes: float, *faults: dict[str, Any]) -> tuple[str, bool]:
        house.later = timedelta(minutes=minutes)
        house.emulator.faults(*faults)
        with retry.instant():
            verdict = house.sync("tasks").verdict
        return verdict, house.rows("SELECT kind FROM ledger.passes ORDER BY started_at DESC LIMIT 1") == [("list",)]

    assert swept(0, fault) == ("incomplete", True)
    assert swept(9) == ("incomplete", False)
    assert swept(10.5, fault) == ("incomplete", True)
    assert swept(30) == ("incomplete", False)
    assert swept(31) == ("complete", True)
    assert house.present() == house.truth_tasks()


def test_the_time_until_then_never_exceeds_an_hour() -> None:
    assert [again(failed) / timedelta(minutes=1) for failed in (0, 1, 2, 3, 4, 1000)] == [10, 10, 20, 40, 60, 60]
