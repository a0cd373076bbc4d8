"""A sync says how long the limits of the key make it wait, before it waits and while it does."""

import re
from dataclasses import replace
from typing import Any

import pytest

from taskhouse.operations import rest_of_first_load
from taskhouse.passes.context import Progress
from taskhouse.pipelines.cli.watch import Lines, far
from taskhouse.pipelines.run import ProjectSync, SyncOutcome

MOVED = Progress("runs", 1, 168, 300, "tasks")


class Heard(Lines):
    """What it would print."""

    def __init__(self) -> None:
        super().__init__()
        self.said: list[str] = []

    def _say(self, text: str) -> None:
        self.said.append(text)


def test_a_first_load_is_announced_as_soon_as_the_tasks_are_known(make_house: Any) -> None:
    house = make_house(emulator_tasks=70, requests_per_hour=1200)
    assert rest_of_first_load(house.settings, 1) is None
    heard = Heard()
    ProjectSync(house.settings, 1, heard, SyncOutcome(frozenset({(1, "runs")}))).sync("tasks")
    said = "".join(heard.said)
    found = re.search(r"needs about (\d+) more requests, and the limits of the key make them take about (\d) min", said)
    [(with_runs,)] = house.rows("SELECT count(DISTINCT task_id) FROM raw.run_versions")
    assert found, said
    least = 2 * with_runs  # a list and a log each
    assert least <= int(found[1]) <= 1.5 * least
    assert int(found[2]) == (least - 1) // 42  # what a first load may take of 120 a minute


def test_a_wait_is_shown_when_it_begins_and_every_ten_seconds(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    heard = Heard()
    heard.begins(1, "runs")
    for at, waits in ((100, 0.0), (101, 2.0), (102, 52.4), (103, 51.0), (112, 42.0), (113, 0.0)):
        now = float(at)
        heard.moves(replace(MOVED, waits_s=waits))
    assert heard.said == [
        "project 1  runs: 168 of 300 tasks, waits 52 s for the key's limits",
        "project 1  runs: 168 of 300 tasks, waits 42 s for the key's limits",
    ]
    assert far(Progress("runs", 1, 0, None, "", 7)) == "waits 7 s for the key's limits"
    assert far(Progress("run_events", 1, 1200, None, "events")) == "1,200 events"
