"""A project that people work with: the same days for the same seed, with weekends, incidents and passing models."""

import itertools
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from taskhouse.emulator.app import EmulatorApp
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.emulator.virtual import VirtualLoop, emulated
from taskhouse.emulator.workload import fates, week
from taskhouse.emulator.workload.incidents import INCIDENTS
from tests.emulator.conftest import START as ANY_START

START = datetime(2026, 9, 14, tzinfo=UTC)
"""A Monday."""

NAMES = {"server down", "exceptions off", "repository renamed", "token lost", "repository removed", "run gets stuck"}


def lived(days: int, **settings: Any) -> list[dict[str, Any]]:
    """What the emulator is at the end of each day at noon, its truth at the end among it."""
    seen: list[dict[str, Any]] = []

    async def live() -> None:
        world = EmulatorSettings(start=START, tasks=10, live_runs=0, busy_days=days, events=0.01, **settings)
        async with emulated(world) as (_, app):
            for _ in range(days):
                await app.service.clock.sleep(12 * 3600)
                seen.append(_noted(app))
                await app.service.clock.sleep(12 * 3600)
            seen.append(await app.service.truth.of(1, 1, ever=True))

    loop = VirtualLoop(threads=False)
    try:
        loop.run_until_complete(live())
    finally:
        loop.close()
    return seen


def _noted(app: EmulatorApp) -> dict[str, Any]:
    service, project = app.service, app.service.world.projects[1]
    answers = [service.readiness.answer(project, name, 7, refresh=True) for name in service.world.repositories(1, 1)]
    return {
        "down": bool(app.faults.shown()),
        "exceptions": project.exception_autocapture,
        "token": project.github_token,
        "overall": {answer["repository"]: answer["overall"] for answer in answers},
        "stuck": sum(not run.is_terminal() for run in service.world.runs.values()),
    }


@pytest.fixture(scope="module")
def weeks() -> list[dict[str, Any]]:
    """Six weeks of six repositories."""
    return lived(42, repositories=6, seed=4)


def test_the_same_seed_and_start_make_the_same_days() -> None:
    first, again = (lived(3, repositories=4, seed=9) for _ in range(2))
    assert first == again
    assert sum(run["live"]["count"] for run in first[-1]["runs"]) > 100
    assert lived(3, repositories=4, seed=10)[-1] != first[-1]


@pytest.mark.worlds
def test_what_happens_in_six_weeks(weeks: list[dict[str, Any]]) -> None:
    days, truth = weeks[:-1], weeks[-1]
    assert {incident.what for incident in INCIDENTS} >= NAMES
    assert [number for number, day in enumerate(days) if day["down"]] == [8]
    assert 3 <= sum(not day["exceptions"] for day in days) <= 6
    unknown = [number for number, day in enumerate(days) if not day["token"]]
    assert unknown
    assert all(set(days[number]["overall"].values()) == {"unknown"} for number in unknown)
    assert days[-1]["stuck"] == 1

    before, after = {name for day in days for name in day["overall"]}, set(truth["repositories"])
    renamed = {name for name in after if name.endswith("-next")}
    assert len(renamed) == 1
    assert len(before - after) == 2  # the renamed one, and the one that was removed
    assert any(task["deleted"] for task in truth["tasks"])


@pytest.mark.worlds
def test_readiness_moves_and_mostly_stays(weeks: list[dict[str, Any]]) -> None:
    days = weeks[:-1]
    moved = Counter(
        name
        for one, other in itertools.pairwise(days)
        for name in one["overall"].keys() & other["overall"].keys()
        if one["overall"][name] != other["overall"][name]
        and "unknown" not in {one["overall"][name], other["overall"][name]}
    )
    assert 4 <= sum(moved.values()) <= 60
    assert {"ready", "partial"} <= {state for day in days for state in day["overall"].values()}


def test_runs_are_of_people_and_end_in_every_way(weeks: list[dict[str, Any]]) -> None:
    runs = weeks[-1]["runs"]
    assert {"completed", "failed", "cancelled", "in_progress"} <= {run["status"] for run in runs}
    assert any(run["incarnation"] for run in runs)
    assert {"merged", "open", "closed"} <= {run["pr_state"] for run in runs}
    assert Counter(run["environment"] for run in runs)["cloud"] == len(runs)


def test_weekends_are_quiet() -> None:
    rng = random.Random(1)
    runs: Counter[int] = Counter()
    for number in range(70):
        midnight = START + timedelta(days=number)
        for wave in week.waves(midnight, 12, rng):
            assert midnight <= wave.at < midnight + timedelta(days=1)
            runs[wave.at.weekday()] += wave.runs
    assert max(runs[5], runs[6]) * 3 < min(runs[day] for day in range(5))


@pytest.mark.parametrize(
    ("at", "then"),
    [
        ("2026-09-14T10:00:00+00:00", "2026-09-14T10:00:00+00:00"),
        ("2026-09-14T03:10:00+00:00", "2026-09-14T08:25:00+00:00"),
        ("2026-09-18T20:30:00+00:00", "2026-09-21T08:45:00+00:00"),
        ("2026-09-20T12:00:00+00:00", "2026-09-21T12:00:00+00:00"),
    ],
)
def test_nobody_reviews_at_night_or_on_a_weekend(at: str, then: str) -> None:
    assert week.working(datetime.fromisoformat(at)) == datetime.fromisoformat(then)


def test_models_come_and_go_and_trouble_passes() -> None:
    rng = random.Random(2)
    there = {day: {fates.model(day, rng).name for _ in range(300)} for day in (0, 20, 40)}
    assert "claude-haiku-4-5" in there[0] - there[20]
    assert "claude-sonnet-5-1" in there[20] - there[0]
    assert "gpt-5.6-codex" in there[40] - there[20]
    by = fates.MODELS[0]
    failed = {
        day: [fates.fate(by, "acme/shop-web", day, ready=True, number=7, rng=rng).error for _ in range(400)]
        for day in (13, 40)
    }
    assert sum("529" in error for error in failed[13]) > 4 * sum("529" in error for error in failed[40])


def test_nothing_happens_unless_somebody_works() -> None:
    async def live() -> int:
        async with emulated(EmulatorSettings(start=ANY_START, tasks=10, live_runs=0)) as (_, app):
            before = len(app.service.world.tasks)
            await app.service.clock.sleep(3 * 86400)
            return len(app.service.world.tasks) - before

    loop = VirtualLoop(threads=False)
    assert loop.run_until_complete(live()) == 0
    loop.close()
