"""What a task or a summary says of its latest run is a hint: pull requests are known from the rows of runs alone."""

from datetime import timedelta
from typing import Any

import pytest

from taskhouse.emulator.versions import VERSIONS
from taskhouse.resources.tasks import rounds, run_facts
from taskhouse.warehouse import sql

pytestmark = pytest.mark.usefixtures("attached")


def versions(house: Any, run_id: str) -> list[tuple[str | None, str | None]]:
    """The pull request of a run and its state, version by version."""
    rows: list[tuple[str | None, str | None]] = house.rows(
        "SELECT pr_url, pr_state FROM raw.run_versions WHERE run_id = ? ORDER BY valid_from", run_id
    )
    return rows


def ended(house: Any, state: str | None = "open") -> tuple[str, str]:
    """A task whose run has ended with a pull request of that state, and that run."""
    made = house.emulator.mutate("new_task", run=True)
    house.emulator.mutate("finish", run_id=made["run_id"])
    if state:
        house.emulator.mutate("pull_request", run_id=made["run_id"], state=state)
    return made["task_id"], made["run_id"]


def sync(house: Any, *resources: str) -> None:
    """A complete pass over each."""
    for resource in resources:
        assert house.sync(resource).verdict == "complete"


def pass_time(house: Any, **time: float) -> None:
    """So much time passes for both."""
    house.later += timedelta(**time)
    house.emulator.clock(advance_s=timedelta(**time).total_seconds())


def test_a_borrowed_pull_request_makes_no_version_and_its_change_is_seen_where_it_belongs(make_house: Any) -> None:
    house = make_house(emulator_tasks=10)
    task_id, first = ended(house)
    pass_time(house, seconds=5)
    second = house.emulator.mutate("new_run", task_id=task_id)["run_id"]
    sync(house, "tasks", "runs", "tasks")
    before = house.counts()["run_versions"]
    asked = house.emulator.requests()["by_endpoint"]["runs.detail"]
    sync(house, "runs", "tasks")
    assert house.counts()["run_versions"] == before
    assert house.emulator.requests()["by_endpoint"]["runs.detail"] == asked, "what is borrowed is asked about once"
    house.emulator.mutate("pull_request", run_id=first, state="merged")
    pass_time(house, seconds=5)
    sync(house, "tasks")
    assert [state for _, state in versions(house, first)] == ["open", "merged"], "the list completed the task's version"
    assert versions(house, second) == [(None, None)]


@pytest.mark.parametrize("text", ["full", "none"])
def test_nulls_of_a_protected_run_overwrite_nothing(make_house: Any, text: str) -> None:
    house = make_house(emulator_tasks=10, capture_text=text)
    _, run_id = ended(house)
    sync(house, "tasks", "runs", "tasks")
    held = versions(house, run_id)
    assert held[-1][1] == "open"
    house.emulator.mutate("protected", run_id=run_id)
    pass_time(house, seconds=5)
    for resource in ("tasks", "runs", "tasks"):
        house.sync(resource)
    assert versions(house, run_id) == held


@pytest.mark.parametrize("version", VERSIONS)
def test_a_merged_pull_request_is_seen_within_the_hour(
    make_house: Any, version: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "SMALL", 3)
    house = make_house(emulator_tasks=8, **{f"emulator_{name}": value for name, value in VERSIONS[version].items()})
    _, run_id = ended(house)
    pass_time(house, hours=30)
    sync(house, "tasks", "runs")
    house.emulator.mutate("pull_request", run_id=run_id, state="merged")
    pass_time(house, minutes=61)
    sync(house, "tasks")
    assert versions(house, run_id)[-1][1] == "merged"


def test_a_pull_request_that_is_opened_long_after_its_run_ended_is_seen_within_a_day(
    make_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rounds, "SMALL", 3)
    house = make_house(emulator_tasks=8)
    _, run_id = ended(house, None)
    pass_time(house, hours=30)
    sync(house, "tasks", "runs")
    house.emulator.mutate("pull_request", run_id=run_id, state="open")
    for _ in range(3):
        pass_time(house, hours=8)
        sync(house, "tasks")
    assert versions(house, run_id)[-1][1] == "open"


def test_what_is_left_over_is_a_doubt_and_read_by_the_next_pass(
    make_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = make_house(emulator_tasks=10)
    runs = [ended(house)[1] for _ in range(3)]
    sync(house, "tasks", "runs")
    for run_id in runs:
        house.emulator.mutate("pull_request", run_id=run_id, state="merged")
    pass_time(house, seconds=5)
    monkeypatch.setattr(run_facts, "MOST_RUNS", 2)
    report = house.sync("tasks")
    assert (report.verdict, "runs that changed are still to be read" in report.reason) == ("incomplete", True)
    monkeypatch.undo()
    sync(house, "tasks")
    assert [versions(house, run_id)[-1][1] for run_id in runs] == ["merged"] * 3


def test_a_borrowed_pull_request_of_an_earlier_version_is_put_right(make_house: Any) -> None:
    house = make_house(emulator_tasks=8)
    task_id, first = ended(house)
    pass_time(house, seconds=5)
    second = house.emulator.mutate("new_run", task_id=task_id)["run_id"]
    sync(house, "tasks", "runs")
    [(url, _)] = versions(house, first)
    with house.warehouse().transaction("borrowing") as connection:
        connection.execute(
            "UPDATE raw.run_versions SET pr_url = ?, pr_state = 'open', content_hash = '' WHERE run_id = ?",
            [url, second],
        )
        then = sql.statement("taskhouse.warehouse", "schema/pull_requests_unproved")  # of its time
        connection.execute(then.replace("AS since", "AS state_since").replace("AS moved_by", "AS updated_by"))
    sync(house, "tasks")
    assert versions(house, second) == [(url, "open"), (None, None)]
