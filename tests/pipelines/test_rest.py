"""At rest only tasks are read at every tick; a day is lived tick by tick, on a clock of its own."""

import os
from collections.abc import Callable, Iterator
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from taskhouse.assets import views
from taskhouse.assets.pass_metadata import ACTIVE, ADDED, ENDED, LISTS
from taskhouse.pipelines.rest import can_skip
from taskhouse.settings import Settings

OFTEN = ("tasks", "runs", "run_events", "published")
START = 1_800_000_000.0
QUIET: dict[str, Any] = {"verdict": "complete", ADDED: 0}
Brings = Callable[[str, str | None, float], dict[str, Any]]


@pytest.fixture(scope="module")
def shared() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


class Deployment:
    """Every schedule of five minutes, without a daemon: what a tick does not leave out brings what a test says."""

    def __init__(self, instance: dg.DagsterInstance, home: Path, patch: pytest.MonkeyPatch) -> None:
        instance.wipe()
        self.instance = instance
        self.settings = Settings(_env_file=None, project_ids=(1, 2), home=home)
        self.patch = patch
        self.now = START

    def live(self, brings: Brings, **lasts: float) -> list[tuple[str, str | None, float]]:
        """What ran in a time, and after how many minutes of it."""
        began, ran = self.now, []
        while self.now < began + timedelta(**lasts).total_seconds():
            for minute, name in enumerate(OFTEN):
                at = self.now + 60 * minute
                for project in ("1", "2") if name != "published" else (None,):
                    if not can_skip(self.instance, self.settings, name, project, at):
                        ran.append((name, project, (at - began) / 60))
                        self.made(name, project, at + 20, brings(name, project, at))
            self.now += 300
        return ran

    def made(self, name: str, project: str | None, at: float, figures: dict[str, Any]) -> None:
        self.made_key(dg.AssetKey(name), project, at, figures)

    def made_key(self, key: dg.AssetKey, project: str | None, at: float, figures: dict[str, Any]) -> None:
        with self.patch.context() as patch:
            patch.setattr("time.time", lambda: at)
            self.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=project, metadata=figures))


@pytest.fixture
def deployment(shared: dg.DagsterInstance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Deployment:
    return Deployment(shared, tmp_path, monkeypatch)


def _times(ran: list[tuple[str, str | None, float]], name: str, project: str | None = "1") -> list[float]:
    return [minute for what, run_key, minute in ran if (what, run_key) == (name, project)]


def _still(_: str, __: str | None, ___: float) -> dict[str, Any]:
    return QUIET


def test_while_nothing_moves_tasks_are_read_every_five_minutes_and_the_rest_every_half_hour(
    deployment: Deployment,
) -> None:
    ran = deployment.live(_still, hours=2)
    assert len(_times(ran, "tasks")) == 24
    for name, project in (("runs", "1"), ("run_events", "2"), ("published", None)):
        times = _times(ran, name, project)
        assert len(times) == 4
        assert max(after - before for before, after in pairwise(times)) == 30


def test_a_move_wakes_its_project_and_the_copy_at_the_next_tick_and_for_as_long_as_a_log_may_grow(
    deployment: Deployment,
) -> None:
    moved = START + 2400
    ran = deployment.live(
        lambda name, project, at: {**QUIET, ADDED: 1} if (name, project, at) == ("tasks", "1", moved) else QUIET,
        minutes=75,
    )
    assert _times(ran, "runs") == [1, 31, 41, 46, 51, 56]
    assert _times(ran, "run_events") == [2, 32, 42, 47, 52, 57]
    assert _times(ran, "published", None) == [3, 33, 43, 48, 53, 58]
    assert _times(ran, "runs", "2") == [1, 31, 61]


@pytest.mark.parametrize("what", [{ADDED: 1}, {ACTIVE: 1}, {ENDED: 1}, {LISTS: 1}, {"verdict": "incomplete"}])
@pytest.mark.parametrize(("by", "wakes"), [("tasks", 2), ("runs", 2), ("run_events", 1)])
def test_whatever_a_pass_brings_or_leaves_open_wakes_what_follows_it(
    deployment: Deployment, what: dict[str, Any], by: str, wakes: int
) -> None:
    for name in OFTEN:
        deployment.made(name, None if name == "published" else "1", START, QUIET)
    settings = deployment.settings.model_copy(update={"project_ids": (1,)})
    due = [("runs", "1"), ("run_events", "1"), ("published", None)]

    def awake() -> list[str]:
        return [
            name for name, project in due if not can_skip(deployment.instance, settings, name, project, START + 300)
        ]

    assert awake() == []
    deployment.made(by, "1", START + 60, {**QUIET, **what})
    assert awake() == ["runs", "run_events", "published"][2 - wakes :]


def test_where_tasks_are_not_read_nothing_rests(deployment: Deployment) -> None:
    deployment.live(_still, minutes=30)
    deployment.now += 1500
    assert not can_skip(deployment.instance, deployment.settings, "runs", "1", deployment.now)
    assert not can_skip(deployment.instance, deployment.settings, "published", None, deployment.now)


def test_events_that_another_process_captured_wake_the_copy(deployment: Deployment) -> None:
    deployment.live(_still, minutes=30)
    assert can_skip(deployment.instance, deployment.settings, "published", None, deployment.now)
    sealed = deployment.settings.spool / "sealed"
    sealed.mkdir(parents=True)
    os.utime(sealed, (deployment.now - 60, deployment.now - 60))
    assert not can_skip(deployment.instance, deployment.settings, "published", None, deployment.now)
    os.utime(sealed, (START, START))
    assert can_skip(deployment.instance, deployment.settings, "published", None, deployment.now)


def _hourly(deployment: Deployment, hours: int, brings: Brings) -> list[int]:
    """After which hours the views of project 1 were made; a copy is made before each tick, and passes before it."""
    made = []
    for hour in range(hours):
        at = START + 3600 * hour
        for name in ("tasks", "runs", "run_events", "repositories", "readiness"):
            deployment.made(name, "1", at - 1200, brings(name, "1", at))
        deployment.made("published", None, at - 600, {"made at": dg.MetadataValue.timestamp(at - 600)})
        if not can_skip(deployment.instance, deployment.settings, "views", "1", at):
            made.append(hour)
            for view in views.ALWAYS:
                deployment.made_key(views.key(view), "1", at + 30, {})
    return made


def test_views_of_copies_that_bring_nothing_are_made_every_six_hours(deployment: Deployment) -> None:
    assert _hourly(deployment, 14, _still) == [0, 6, 12]


@pytest.mark.parametrize(
    ("what", "hours"),
    [({ADDED: 1}, [0, 3, 9]), ({ENDED: 1}, [0, 3, 9]), ({"verdict": "incomplete"}, [0, 3, 4, 10])],
)
def test_views_follow_what_a_pass_brought_and_a_verdict_that_changed(
    deployment: Deployment, what: dict[str, Any], hours: list[int]
) -> None:
    def brings(name: str, _: str | None, at: float) -> dict[str, Any]:
        return {**QUIET, **what} if (name, at) == ("readiness", START + 3 * 3600) else QUIET

    assert _hourly(deployment, 12, brings) == hours


@pytest.mark.parametrize("name", ["tasks", "readiness", "repositories", "views", "maintenance"])
def test_nothing_else_rests(deployment: Deployment, name: str) -> None:
    deployment.live(_still, minutes=30)
    assert not can_skip(deployment.instance, deployment.settings, name, "1", deployment.now)
