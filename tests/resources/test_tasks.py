"""Tasks: when something moves, the warehouse ends equal to the server, or says that it could not prove it."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest

from taskhouse.emulator.settings import Key

pytestmark = pytest.mark.usefixtures("attached")

BIG = {"emulator_tasks": 520, "emulator_repositories": 6}


def ids(house: Any) -> list[str]:
    return [task["id"] for task in house.emulator.truth(runs=False)["tasks"]]


@pytest.mark.parametrize("moves", [True, False], ids=["activity moves", "activity stands still"])
@pytest.mark.parametrize("size", [60, pytest.param(520, marks=pytest.mark.worlds)], ids=["small", "large"])
def test_changes_of_every_kind_arrive(make_house: Any, size: int, moves: bool) -> None:  # noqa: FBT001
    house = make_house(emulator_tasks=size, emulator_activity_moves=moves)
    house.sync("tasks")
    one, two, three, four, five = ids(house)[:5]
    house.emulator.mutate("rename", task_id=one, title="another title")
    house.emulator.mutate("delete", task_id=two)
    house.emulator.mutate("hide", task_id=three)
    house.emulator.mutate("archive", task_id=four)
    house.emulator.mutate("new_task", title="brand new", repository="acme/new")
    house.emulator.mutate("new_run", task_id=five)
    house.later = timedelta(days=1)
    assert house.sync("tasks").verdict == "complete"
    assert house.present() == house.truth_tasks()


def test_an_idle_pass_over_many_tasks_is_a_handful_of_requests(make_house: Any) -> None:
    house = make_house(**BIG)
    house.sync("tasks")
    report = house.sync("tasks")
    assert (report.verdict, report.rows_added) == ("complete", 0)
    assert report.requests <= 5


def test_a_deletion_is_noticed_at_once_by_the_count(make_house: Any) -> None:
    house = make_house(**BIG)
    house.sync("tasks")
    gone = ids(house)[300]
    house.emulator.mutate("delete", task_id=gone)
    assert house.sync("tasks").absent == 1
    assert house.rows("SELECT absent_since IS NOT NULL FROM main.tasks WHERE task_id = ?", gone) == [(True,)]


def test_an_absence_can_end(make_house: Any) -> None:
    house = make_house()
    house.sync("tasks")
    gone = ids(house)[3]
    house.emulator.mutate("hide", task_id=gone)
    house.sync("tasks")
    house.emulator.mutate("show", task_id=gone)
    house.sync("tasks")
    assert house.rows(
        "SELECT absent_since IS NULL FROM raw.task_sightings WHERE task_id = ? ORDER BY first_seen_at", gone
    ) == [(False,), (True,)]
    assert house.present() == house.truth_tasks()


def test_another_view_marks_nothing_absent(make_house: Any) -> None:
    house = make_house(emulator_keys=(Key(), Key("phx_other", user_id=2)))
    house.sync("tasks")
    before = house.present()
    other = house.settings.model_copy(update={"api_key": type(house.settings.api_key)("phx_other")})
    house.settings = other
    report = house.sync("tasks")
    assert (report.verdict, report.absent) == ("incomplete", 0)
    assert "TASKHOUSE_ACCEPT=viewer" in report.reason
    assert house.present() == before


def test_a_great_many_absences_are_not_believed(make_house: Any) -> None:
    house = make_house()
    house.sync("tasks")
    for task_id in ids(house)[:25]:
        house.emulator.mutate("hide", task_id=task_id)
    report = house.sync("tasks")
    assert (report.verdict, report.absent) == ("incomplete", 0)


def test_a_bad_record_goes_to_quarantine_and_the_rest_is_kept(make_house: Any) -> None:
    house = make_house()
    house.emulator.faults({"kind": "mistyped_field", "endpoint": "tasks.list", "field": "results.0.title", "times": 1})
    report = house.sync("tasks")
    assert (report.verdict, report.quarantined) == ("incomplete", 1)
    assert len(house.present()) == len(house.truth_tasks()) - 1
    assert house.rows("SELECT kind, reason, pointer FROM ledger.quarantine") == [("unreadable", "not a text", "/title")]
    assert house.sync("tasks").verdict == "complete"
    assert house.present() == house.truth_tasks()


def test_a_new_field_is_kept_and_recorded(make_house: Any) -> None:
    house = make_house()
    house.emulator.faults({"kind": "unknown_field", "endpoint": "tasks.list"})
    assert house.sync("tasks").verdict == "complete"
    assert house.rows("SELECT resource, path, example_type FROM ledger.drift") == [
        ("tasks", "/brand_new_field", "dict")
    ]
    assert house.rows("SELECT count(*) FROM raw.task_versions WHERE contains(payload, 'brand_new_field')")[0][0] > 0
    house.emulator.faults()
    assert house.sync("tasks").rows_added == 0


def test_a_version_for_every_real_change_and_none_for_a_volatile_one(make_house: Any) -> None:
    house = make_house()
    house.sync("tasks")
    one = ids(house)[0]
    house.emulator.mutate("project", name="Renamed project")
    assert house.sync("tasks").rows_added == 0
    house.emulator.mutate("rename", task_id=one, title="b")
    house.sync("tasks")
    assert house.rows(
        "SELECT title, is_current, valid_to IS NULL FROM main.task_history WHERE task_id = ? ORDER BY valid_from", one
    )[1:] == [("b", True, True)]


def test_times_that_are_printed_with_fewer_digits_now_and_then_change_no_place(
    make_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server sorts by more than it prints, and not each time by as many digits."""
    chance, digits = random.Random(7), ("seconds", "milliseconds", "microseconds")

    def stamp(at: datetime | None) -> str | None:
        return None if at is None else at.replace(tzinfo=None).isoformat(timespec=chance.choice(digits)) + "Z"

    monkeypatch.setattr("taskhouse.emulator.api.rows.stamp", stamp)
    house = make_house(emulator_tasks=320, emulator_repositories=2)
    for _ in range(4):
        house.emulator.mutate("new_task", title="in a burst", repository="acme/new")
    for hours in range(3):
        house.later = timedelta(hours=8 * hours)
        report = house.sync("tasks")
        assert (report.verdict, report.proof.kind) == ("complete", "listed"), report.reason
    assert house.present() == house.truth_tasks()
