"""A sync from a server of the past is green, and equal to what it shows; in spring 2026 lists hid internal tasks."""

from typing import Any

import pytest

from taskhouse.emulator.versions import VERSIONS

pytestmark = pytest.mark.usefixtures("attached")


@pytest.mark.parametrize(
    "version", [pytest.param(name, marks=[pytest.mark.worlds] * (place % 2)) for place, name in enumerate(VERSIONS)]
)
def test_a_sync_from_a_server_of_that_time_is_green_and_equal_to_the_truth(make_house: Any, version: str) -> None:
    then = {f"emulator_{name}": value for name, value in VERSIONS[version].items()}
    small = {"emulator_tasks": 10, "emulator_repositories": 1, "emulator_live_runs": 1, "emulator_events": 0.1}
    house = make_house(**then, **small, emulator_pace=20, readiness_windows=(7,))
    house.emulator.clock(advance_s=300)
    assert {report.resource: report.reason for report in house.sync_all() if report.verdict != "complete"} == {}
    truth, ignored = house.emulator.truth(), VERSIONS[version].get("ignored_parameters", ())
    shown = [task for task in truth["tasks"] if not (task["internal"] and "internal" in ignored)]
    assert sorted((*row[:3], *row[5:]) for row in house.present()) == sorted(
        tuple(task[name] for name in ("id", "title", "repository", "latest_run_id", "latest_run_status"))
        for task in shown
    )
    ids = {task["id"] for task in shown}
    expected = house.truth_hashes()
    assert house.hashes() == {run["id"]: expected[run["id"]] for run in truth["runs"] if run["task_id"] in ids}
    assert house.counts()["run_events"] > 10
