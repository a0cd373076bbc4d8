"""Runs: one request for each task whose runs moved, and a first load that can take its days."""

import re
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from taskhouse.errors import TaskhouseError
from taskhouse.passes.page_spool import PageSpool, SpooledPages
from taskhouse.passes.sync_pass import Pass
from taskhouse.posthog import retry
from taskhouse.resources.runs.sync import COMMIT_LISTS, due

pytestmark = pytest.mark.usefixtures("attached")


def listed(house: Any) -> int:
    return int(house.emulator.requests(reset=True)["by_endpoint"].get("runs.list", 0))


def held(house: Any) -> set[str]:
    return {row[0] for row in house.rows("SELECT run_id FROM raw.run_versions")}


def truth(house: Any) -> set[str]:
    return {run["id"] for run in house.emulator.truth()["runs"]}


def test_a_first_load_asks_once_for_each_task_and_an_idle_pass_for_none(make_house: Any) -> None:
    house = make_house()
    house.sync("tasks")
    house.emulator.requests(reset=True)
    assert house.sync("runs").verdict == "complete"
    with_runs = [task for task in house.emulator.truth(runs=False)["tasks"] if task["runs"]]
    assert listed(house) == len(with_runs)
    assert held(house) == truth(house)
    house.sync("tasks")
    house.sync("runs")
    older = house.rows("SELECT count(*) FROM raw.run_versions WHERE status NOT IN ('completed', 'failed', 'cancelled')")
    assert listed(house) <= older[0][0]


def test_a_run_that_came_with_its_task_is_not_asked_for_again(make_house: Any) -> None:
    house = make_house()
    house.sync("tasks")
    house.sync("runs")
    house.sync("runs")
    listed(house)
    some = [row[0] for row in house.present() if row[5]][:5]
    for task_id in some:
        house.emulator.mutate("new_run", task_id=task_id)
    house.sync("tasks")
    house.sync("runs")
    assert listed(house) <= 5 + 3
    assert held(house) == truth(house)


def test_a_first_load_goes_on_pass_by_pass_and_is_incomplete_until_its_end(make_house: Any) -> None:
    house = make_house(first_load_tasks=20)
    house.sync("tasks")
    reports = [house.sync("runs")]
    while reports[-1].verdict == "incomplete":
        assert "are still to be listed" in reports[-1].reason
        reports.append(house.sync("runs"))
    assert len(reports) == 3
    assert held(house) == truth(house)


def test_a_first_load_begins_with_what_expires_next_and_can_be_limited_by_age(make_house: Any) -> None:
    house = make_house()
    now = house.now()

    def task(name: str, days: float | None) -> dict[str, Any]:
        created = None if days is None else now - timedelta(days=days)
        return {"task_id": name, "never": True, "changed_at": created}

    found = [task("new", 1), task("old", 29), task("expired", 40), task("middle", 10)]
    wanted = due(found, now, most=3, days=None)
    assert [row["task_id"] for row in wanted.first] == ["old", "middle", "new"]
    assert (wanted.left, wanted.passed_over) == (1, 0)
    wanted = due(found, now, most=10, days=15)
    assert [row["task_id"] for row in wanted.first] == ["middle", "new"]
    assert (wanted.left, wanted.passed_over) == (0, 2)


def test_logs_of_a_first_load_are_read_nearest_to_expiry_first(make_house: Any) -> None:
    house = make_house(emulator_tasks=30, first_load_tasks=5, log_final_s=0)
    house.sync("tasks")
    ages = dict(house.rows("SELECT run_id, greatest(created_at, updated_at, completed_at) FROM raw.run_versions"))
    valid = sorted((at, run) for run, at in ages.items() if at + timedelta(days=30) > house.now())
    reports = [house.sync("run_events")]
    assert "are still to be read" in reports[0].reason
    read = house.rows("SELECT key FROM ledger.cursors WHERE resource = 'run_log'")
    streamed = house.rows("SELECT key FROM ledger.cursors WHERE resource = 'run_stream'")
    assert {run for (run,) in set(read) - set(streamed)} == {run for _, run in valid[:5]}
    while reports[-1].verdict == "incomplete":
        reports.append(house.sync("run_events"))
    assert 3 <= len(reports) <= 8
    assert {run: log for run, (_, log) in house.hashes().items()} == {
        run: log for run, (_, log) in house.truth_hashes().items() if run in ages
    }


def test_a_first_load_that_is_limited_by_age_counts_what_it_leaves_out(make_house: Any) -> None:
    house = make_house(first_load_days=12, log_final_s=0)
    house.sync("tasks")
    old = "now()::TIMESTAMPTZ - greatest(created_at, updated_at, completed_at) > INTERVAL 12 DAYS"
    (count,) = house.rows(f"SELECT count(*) FROM raw.run_versions WHERE {old}")[0]
    assert count > 5
    runs, events = house.sync("runs"), house.sync("run_events")
    assert (runs.verdict, events.verdict) == ("complete", "complete")
    assert f"{count} tasks without activity for more than 12 days were left out" in runs.reason
    assert re.search(r"[1-9]\d* logs of runs without activity for more than 12 days were left out", events.reason)
    (task_id,) = house.rows(f"SELECT task_id FROM raw.run_versions WHERE {old} ORDER BY run_id LIMIT 1")[0]
    house.emulator.mutate("new_run", task_id=task_id)
    house.sync("tasks")
    house.sync("runs")
    kept = {row[0] for row in house.rows("SELECT run_id FROM raw.run_versions WHERE task_id = ?", task_id)}
    assert kept == {run["id"] for run in house.emulator.truth()["runs"] if run["task_id"] == task_id}


def test_an_interrupted_pass_does_not_ask_again_for_what_it_kept(make_house: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("taskhouse.resources.runs.sync.COMMIT_LISTS", 5)
    house = make_house()
    house.sync("tasks")
    house.emulator.faults({"kind": "500", "endpoint": "runs.list", "after": 20})
    with retry.instant(), suppress(TaskhouseError):
        house.sync("runs")
    house.emulator.faults()
    listed(house)
    assert house.sync("runs").verdict == "complete"
    total = len([task for task in house.emulator.truth(runs=False)["tasks"] if task["runs"]])
    assert listed(house) <= total - 10
    assert held(house) == truth(house)


def test_lists_that_were_read_but_not_committed_when_a_process_died_are_not_asked_for_again(
    make_house: Any, monkeypatch: Any
) -> None:
    monkeypatch.setattr("taskhouse.resources.runs.sync.COMMIT_LISTS", 2)
    house = make_house()
    house.sync("tasks")
    total = len([task for task in house.emulator.truth(runs=False)["tasks"] if task["runs"]])
    keep = PageSpool.keep

    def dies_after_25(self: PageSpool, pass_id: str, page: SpooledPages) -> bool:
        kept = keep(self, pass_id, page)
        if page.batch.pages[-1]["page"] >= 25:
            raise SystemExit
        return kept

    with monkeypatch.context() as dying, suppress(BaseException):
        dying.setattr(PageSpool, "keep", dies_after_25)
        house.sync("runs")
    assert house.rows("SELECT count(*) FROM ledger.cursors WHERE resource = 'runs'") == [(4,)]
    asked = listed(house)
    assert house.sync("runs").verdict == "complete"
    assert listed(house) == total - 25
    assert asked <= 25 + 8
    assert held(house) == truth(house)
    assert house.wrong() == {}
    assert not list(house.settings.home.glob("pages/*"))
    assert house.rows("SELECT verdict, pages FROM ledger.passes WHERE resource = 'runs' ORDER BY started_at") == [
        ("incomplete", 25),
        ("complete", total - 25),
    ]


def test_many_lists_come_in_few_commits_and_an_idle_pass_makes_none(make_house: Any, monkeypatch: Any) -> None:
    house = make_house()
    house.sync("tasks")
    total = len([task for task in house.emulator.truth(runs=False)["tasks"] if task["runs"]])
    commits = []
    write = Pass._write

    def noted(self: Pass, connection: Any, given: Any) -> None:
        commits.append(given)
        write(self, connection, given)

    monkeypatch.setattr(Pass, "_write", noted)
    house.sync("runs")
    assert len(commits) <= 3 < total / COMMIT_LISTS
    commits.clear()
    house.sync("runs")
    assert not commits


def test_an_older_run_that_is_reopened_while_nobody_looks_is_found(make_house: Any) -> None:
    house = make_house()
    house.sync("tasks")
    task_id = next(task["id"] for task in house.emulator.truth(runs=False)["tasks"] if not task["runs"])
    older = house.emulator.mutate("new_run", task_id=task_id)["run_id"]
    house.emulator.mutate("finish", run_id=older, status="failed")
    house.emulator.clock(advance_s=1)
    house.emulator.mutate("new_run", task_id=task_id)
    for resource in ("tasks", "runs"):
        house.sync(resource)
    house.emulator.mutate("reopen", run_id=older)
    house.later = timedelta(hours=5)
    for resource in ("tasks", "runs", "runs"):
        house.sync(resource)
    assert house.rows("SELECT status FROM main.runs WHERE run_id = ?", older) == [("queued",)]
    listed(house)
    house.later = timedelta(hours=5, minutes=1)
    house.sync("runs")
    assert listed(house) <= 1 + 3
