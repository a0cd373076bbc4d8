"""The estimate: adds up as the documentation says, and a real pass costs what was said."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from taskhouse.operations import estimate_project
from taskhouse.resources.estimate import Facts, duration, estimate, list_pages
from taskhouse.settings import Settings

pytestmark = pytest.mark.usefixtures("attached")


def settings(tmp_path: Path, **given: Any) -> Settings:
    return Settings(host="http://localhost:1", home=tmp_path, **given)


def test_a_first_load_of_100_000_tasks(tmp_path: Path) -> None:
    found = estimate(Facts(tasks=100_000, repositories=1000, unlisted=95_000, unread_logs=20_000), settings(tmp_path))
    what = {item.what: item.requests for item in found.first_load.items}
    assert what["tasks: the whole list"] == 1024
    assert what["readiness: every repository and window"] == 3000
    assert found.first_load.requests == 1024 + 3000 + 95_000 + 20_000
    assert 60 < found.first_load.seconds / 3600 < 72  # 1,680 an hour for what may wait longest


def test_an_ordinary_day_leaves_most_of_the_budget(tmp_path: Path) -> None:
    facts = Facts(tasks=100_000, known=100_000, hot=300, moved=1000, repositories=1000, streams=20)
    found = estimate(facts, settings(tmp_path))
    assert found.first_load.requests == 0
    assert found.of_hourly < 0.2
    assert found.day.requests < 24 * 4800


def test_500_streams_and_ten_thousand_runs_a_day_still_fit(tmp_path: Path) -> None:
    facts = Facts(tasks=100_000, known=100_000, hot=1500, moved=10_000, repositories=1000, streams=500)
    assert 0.6 < estimate(facts, settings(tmp_path)).of_hourly < 1


def test_durations_follow_both_windows() -> None:
    assert duration(0, per_minute=480, per_hour=4800).total_seconds() == 0
    assert duration(4800, per_minute=480, per_hour=4800).total_seconds() == 1920  # one after another
    assert duration(9601, per_minute=480, per_hour=4800).total_seconds() == 7200
    assert duration(961, per_minute=480, per_hour=0).total_seconds() == 384.4
    assert duration(10, per_minute=0, per_hour=0).total_seconds() == 4


@pytest.mark.worlds
@pytest.mark.parametrize(
    "world",
    [
        pytest.param({"seed": 1, "tasks": 20, "repositories": 3}, marks=pytest.mark.worlds),
        {"seed": 2, "tasks": 20, "repositories": 3, "live_runs": 3, "speed": 20, "pace": 10},
        pytest.param({"seed": 3, "tasks": 30, "repositories": 3, "events": 0.1}, marks=pytest.mark.worlds),
    ],
    ids=str,
)
def test_what_a_sync_spends_is_in_the_range_of_the_plan(make_house: Any, world: dict[str, Any]) -> None:
    house = make_house(capture_seconds=1.0, **{f"emulator_{name}": value for name, value in world.items()})
    _, found = house.run(estimate_project(house.settings, 1))
    assert house.emulator.requests(reset=True)["total"] <= 20
    house.sync_all()
    spent = house.emulator.requests(reset=True)["total"]
    assert found.sync.requests <= spent <= found.sync.most, (found.sync, spent)
    assert found.sync.most < 3 * spent
    if "live_runs" in world:
        return
    house.later += timedelta(hours=1)
    house.sync_all()  # learns which runs the tasks say something else of
    house.later += timedelta(hours=23)
    house.emulator.requests(reset=True)
    _, found = house.run(estimate_project(house.settings, 1))
    assert house.emulator.requests(reset=True)["total"] == 1
    reports = {report.resource: report.requests for report in house.sync_all()}
    spent = house.emulator.requests(reset=True)["total"]
    said = {item.what: item.requests for item in found.sync.items}
    assert abs(found.sync.requests - spent) <= spent / 10, (said, reports)


def test_the_plan_asks_for_a_sample_and_the_pass_costs_what_it_said(make_house: Any) -> None:
    house = make_house(emulator_tasks=520)
    facts, found = house.run(estimate_project(house.settings, 1))
    assert house.emulator.requests(reset=True)["total"] <= 16
    assert (facts.tasks, facts.known) == (len(house.truth_tasks()), 0)
    said = {item.what: item.requests for item in found.sync.items}
    report = house.sync("tasks")
    assert report.requests == said["tasks"] == list_pages(facts.tasks)
    facts, found = house.run(estimate_project(house.settings, 1))
    assert facts.known == facts.tasks
    house.later = timedelta(minutes=5)
    said = {item.what: item.requests for item in found.sync.items}
    assert house.sync("tasks").requests <= said["tasks"] + said["tasks: the list in rotation"]
    house.sync("runs")
    facts, _ = house.run(estimate_project(house.settings, 1))
    assert facts.unlisted == 0


def test_usage_is_planned_only_where_it_is_on(make_house: Any) -> None:
    house = make_house(emulator_tasks=40, task_usage=True, first_load_tasks=25)
    for resource in ("tasks", "runs"):
        house.sync(resource)
    _, found = house.run(estimate_project(house.settings, 1))
    said = {item.what: item.requests for item in found.sync.items}
    assert house.sync("task_usage").requests == said["task usage"] == 25
    house.settings = house.settings.model_copy(update={"task_usage": False})
    facts, found = house.run(estimate_project(house.settings, 1))
    assert facts.unpriced == 0
    assert not any("usage" in item.what for cost in (found.sync, found.day, found.first_load) for item in cost.items)
