"""Pinned tasks: who pinned what, from when to when, and what a pass says that could not read all of it."""

import json
from datetime import timedelta
from typing import Any

import httpx
import pytest
from pydantic import SecretStr

from taskhouse.emulator.settings import Key
from taskhouse.operations import estimate_project, replay_quarantine
from taskhouse.passes import lifecycle

pytestmark = pytest.mark.usefixtures("attached")

OTHER = "phx_other"


class KilledError(BaseException):
    """The end of a process, as far as a pass can tell."""


def ready(make_house: Any, **keywords: Any) -> Any:
    keys = (Key(), Key(OTHER, user_id=2))
    house = make_house(pinned=True, emulator_tasks=12, emulator_repositories=1, emulator_keys=keys, **keywords)
    house.sync("tasks")
    house.tasks = sorted(task["id"] for task in house.emulator.truth(runs=False)["tasks"])
    for key in keys:
        address, bearer = f"{house.settings.host}/api/projects/1/tasks/pinned/", f"Bearer {key.value}"
        for task_id in httpx.get(address, headers={"Authorization": bearer}).json()["task_ids"]:
            house.emulator.mutate("pinned", task_id=task_id, user_id=key.user_id, pinned=False)
    return house


def pin(house: Any, task: int, *, user: int = 1, pinned: bool = True) -> str:
    house.emulator.mutate("pinned", task_id=house.tasks[task], user_id=user, pinned=pinned)
    return str(house.tasks[task])


def view(house: Any) -> list[tuple[Any, ...]]:
    """Of each period the task, the number of its viewer, whether its title is known, and whether it is over."""
    return sorted(
        house.rows(
            "SELECT task_id, dense_rank() OVER (ORDER BY viewer), title IS NOT NULL, pinned_until IS NOT NULL"
            " FROM main.pinned"
        )
    )


def test_a_task_that_is_pinned_unpinned_and_pinned_again_has_two_periods(make_house: Any) -> None:
    house = ready(make_house)
    assert (house.sync("pinned").verdict, view(house)) == ("complete", [])
    first, second = pin(house, 0), pin(house, 1)
    report = house.sync("pinned")
    assert (report.verdict, report.rows_added, report.requests) == ("complete", 2, 3)
    pin(house, 0, pinned=False)
    report = house.sync("pinned")
    assert (report.verdict, report.absent) == ("complete", 1)
    report = house.sync("pinned")
    assert (report.rows_added, report.absent, report.requests) == (0, 0, 2)
    pin(house, 0)
    assert house.sync("pinned").rows_added == 1
    assert view(house) == sorted([(first, 1, True, True), (second, 1, True, False), (first, 1, True, False)])
    assert house.wrong() == {}
    _, found = house.run(estimate_project(house.settings, 1))
    assert {item.what: item.requests for item in found.day.items}["pinned"] == 48


def test_the_pins_of_two_people_stand_side_by_side(make_house: Any) -> None:
    house = ready(make_house)
    both, one, other = pin(house, 0), pin(house, 1), pin(house, 2, user=2)
    pin(house, 0, user=2)
    house.sync("pinned")
    house.settings = house.settings.model_copy(update={"api_key": SecretStr(OTHER)})
    assert house.sync("pinned").verdict == "complete"
    pin(house, 0, pinned=False)
    pin(house, 0, user=2, pinned=False)
    report = house.sync("pinned")
    assert (report.verdict, report.absent) == ("complete", 1), "what the first one pinned is not this key's to judge"
    over = {(task, viewer): ended for task, viewer, _, ended in view(house)}
    viewers = {task: viewer for task, viewer in over if task != both}
    assert over == {
        (both, viewers[one]): False,
        (one, viewers[one]): False,
        (both, viewers[other]): True,
        (other, viewers[other]): False,
    }
    assert viewers[one] != viewers[other]


def test_a_server_without_pins_leaves_the_pass_incomplete_and_what_is_kept_as_it_was(make_house: Any) -> None:
    house = ready(make_house)
    task = pin(house, 0)
    house.sync("pinned")
    assert house.attempt("pinned") == ("ok", "the server answers; the owner of the key has pinned 1")
    house.emulator.faults({"kind": "status", "status": 404, "endpoint": "tasks.pinned"})
    assert house.attempt("pinned")[0] == "no"
    report = house.sync("pinned")
    assert (report.verdict, report.absent) == ("incomplete", 0)
    assert "does not list pinned tasks (404); if that does not change, unset TASKHOUSE_PINNED" in report.reason
    assert view(house) == [(task, 1, True, False)]


def test_a_pass_that_was_killed_is_made_good_by_the_next_one(make_house: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    house = ready(make_house)
    kept, gone = pin(house, 0), pin(house, 1)
    house.sync("pinned")
    pin(house, 1, pinned=False)
    new = pin(house, 2)

    def killed(_: Any) -> None:
        raise KilledError

    with monkeypatch.context() as dying:
        dying.setattr(lifecycle, "finish", killed)
        with pytest.raises(KilledError):
            house.sync("pinned")
    assert house.rows("SELECT count(*) FROM ledger.passes WHERE verdict = 'running'") == [(1,)]
    assert (gone, 1, True, False) in view(house), "an absence comes with its verdict"
    assert house.sync("pinned").verdict == "complete"
    assert view(house) == sorted([(kept, 1, True, False), (gone, 1, True, True), (new, 1, True, False)])
    assert house.wrong() == {}


def test_what_is_no_id_waits_in_quarantine_until_a_whole_list_was_read_well(make_house: Any) -> None:
    house = ready(make_house)
    task = pin(house, 0)
    for wrong in ("tasks", 7):
        house.emulator.faults(
            {"kind": "mistyped_field", "endpoint": "tasks.pinned", "times": 1, "field": "task_ids.0", "value": wrong}
        )
        assert (house.sync("pinned").verdict, view(house)) == ("incomplete", [])
    waiting = house.rows("SELECT resource, pointer, payload FROM ledger.quarantine")
    assert waiting == [("pinned", "/task_ids", json.dumps(wrong)) for wrong in ("tasks", 7)]
    assert house.run(replay_quarantine(house.settings, 1)).still == {"pinned": 2}
    assert house.sync("pinned").verdict == "complete"
    assert view(house) == [(task, 1, True, False)]
    assert house.rows("SELECT DISTINCT outcome FROM ledger.quarantine") == [("superseded",)]


def test_a_clock_that_was_ahead_is_set_back_for_pins_too(make_house: Any) -> None:
    house = ready(make_house)
    pin(house, 0)
    house.later = timedelta(days=40)
    assert house.sync("pinned").verdict == "complete"
    house.later = timedelta(minutes=1)
    house.set_back()
    assert house.rows("SELECT count(*) FROM raw.pinned_sightings WHERE last_seen_at > ?", house.now()) == [(0,)]
    house.later = timedelta(minutes=2)
    assert house.sync("pinned").verdict == "complete"
    assert len(view(house)) == 1
