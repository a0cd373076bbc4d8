"""The simulated day behind docs/scale.md: it spends what the estimate says, is never refused, and reads every run."""

import random
from pathlib import Path

import pytest

from benchmarks.scale import fleet
from benchmarks.scale_day import DAY_S, Day, Machine, Outcome, project, quantile
from taskhouse.resources.estimate import Facts, estimate
from taskhouse.settings import Settings

pytestmark = pytest.mark.scale

RUNS = 100


def lived(folder: Path, projects: int, *, per_hour: int = 4800) -> Outcome:
    dice = random.Random(5)
    settings = Settings(_env_file=None, host="http://localhost:1", home=folder, requests_per_hour=per_hour)
    return Day(folder, [project(dice, RUNS) for _ in range(projects)], Machine(), settings).run()


def test_a_day_with_room_spends_what_the_estimate_says_and_loses_nothing(tmp_path: Path) -> None:
    outcome = lived(tmp_path, 3)
    facts = Facts(tasks=2050, known=2050, hot=8, moved=RUNS, repositories=6, streams=1)
    of_each = sum(
        item.requests for item in estimate(facts, Settings(_env_file=None, host="http://localhost:1")).day.items
    )
    assert sum(outcome.asked.values()) == pytest.approx(3 * of_each, rel=0.25)
    assert (outcome.refused, outcome.unread) == (0, 0)
    assert len(outcome.lags["LIVE"]) >= outcome.runs - 6, "each but those of the last minutes"
    assert quantile(outcome.lags["LIVE"], 0.95) < 420
    assert quantile(outcome.lags["CHANGES"], 0.95) < 310
    assert max(outcome.waits["SWEEP"]) < 60
    assert outcome.passes["tasks"] == 3 * DAY_S // 300


def test_a_day_without_room_is_late_and_never_refused(tmp_path: Path) -> None:
    outcome = lived(tmp_path, 3, per_hour=300)
    assert outcome.refused == 0
    assert sum(outcome.asked.values()) <= 24 * 300
    assert max(outcome.waits["LIVE"]) <= max(outcome.waits["CHANGES"]) <= max(outcome.waits["SWEEP"])
    assert quantile(outcome.lags["CHANGES"], 0.95) > 600


def test_a_fleet_is_as_many_shards_as_its_projects_need(tmp_path: Path) -> None:
    outcome = lived(tmp_path, 2)
    one, ten = (fleet(outcome, 2, projects) for projects in (2, 20))
    assert (one["keys, and shards"], ten["keys, and shards"]) == ("1", "10")
    assert int(ten["runs a day"].replace(",", "")) == 10 * int(one["runs a day"].replace(",", ""))
    assert ten["requests refused"] == "0"
