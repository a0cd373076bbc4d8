"""A shard that is killed at any moment publishes exactly once all the same."""

import json
import random
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from taskhouse.lake.engine import Lake
from taskhouse.lake.service import publish_once
from taskhouse.settings import Settings
from tests.lake import reader, worker
from tests.lake.buckets import keys_here
from tests.lake.compared import differs
from tests.lake.homes import Home
from tests.lake.parquet import holding
from tests.lake.test_upkeep import wrong
from tests.tied import tied

KILLS, KILLS_OF_UPKEEP = 8, 2
"""How often a publisher is killed; how often each command that looks after the lake is."""

LASTS_S = 2.0
"""How long the first of these commands works, about; each later one as long as the one before."""

ROOT = Path(__file__).parents[2]


def given(settings: Settings) -> dict[str, Any]:
    """The settings of a shard for another process."""
    found = {name: getattr(settings, name) for name in settings.model_fields_set - {"home", "lake_data"}}
    secret = {name: value.get_secret_value() for name, value in found.items() if isinstance(value, SecretStr)}
    return {**found, **secret, "home": str(settings.home), "lake_data": str(settings.lake_data)}


@contextmanager
def working(home: Home, *words: str) -> Iterator[subprocess.Popen[str]]:
    """A process that publishes, or looks after the lake, killed at the end of the block."""
    command = [sys.executable, str(worker.__file__), json.dumps(given(home.settings)), *words]
    variables = {"PYTHONPATH": str(ROOT), **keys_here()}
    with subprocess.Popen(tied(command), stdout=subprocess.PIPE, text=True, cwd=ROOT, env=variables) as made:
        try:
            assert made.stdout is not None
            assert made.stdout.readline() == "tick\n"
            yield made
        finally:
            made.kill()


@pytest.mark.parametrize("lake", ["bucket", "postgres", "sqlite"], indirect=True)
def test_a_publisher_that_is_killed_loses_and_doubles_nothing(lake: Lake, make_home: Callable[..., Home]) -> None:
    home, dice = make_home("one", lake), random.Random(7)
    for number in range(KILLS):
        with working(home, "publish"):
            time.sleep(dice.random() * (0.8 if number % 3 else 3))
        home.change(rows=200)
        if number == KILLS // 2:
            assert publish_once(home.settings).generation
            assert differs(lake, home) == {}
    publish_once(home.settings)
    assert differs(lake, home) == {}


def test_who_looks_after_the_lake_may_be_killed(postgres: Any, tmp_path: Path, make_home: Callable[..., Home]) -> None:
    """Each command is killed at a few moments, and then run again, while a reader compares rows with marks."""
    lake, dice, lasts_s = Lake(postgres.make(), tmp_path / "data"), random.Random(3), LASTS_S
    home, other = make_home("one", lake, full=False), make_home("two", lake, project=2, full=False)

    def go_on() -> None:
        for each in (home, other):
            each.change(rows=150)
            publish_once(each.settings)

    def kill_and_run(*words: str) -> None:
        nonlocal lasts_s
        for _ in range(KILLS_OF_UPKEEP):
            go_on()
            with working(home, *words):
                time.sleep(lasts_s * dice.random())
            with working(home, *words) as process:
                began = time.monotonic()
                assert process.wait(300) == 0
                lasts_s = time.monotonic() - began
        assert wrong(home) == {}

    go_on()
    stop = tmp_path / "stop"
    reading = tied([sys.executable, str(reader.__file__), lake.address, "1", str(stop), "1"])
    with subprocess.Popen(reading, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}) as crowd:
        for word in ("compact", "rebuild", "rewrite"):
            kill_and_run(word)
        stop.touch()
        assert crowd.stdout is not None
        read, failed = map(int, crowd.stdout.read().split())
        assert crowd.wait(100) == 0
    sys.stdout.write(f"{read} snapshots read, {failed} tries failed\n")
    assert read > 1
    with home.warehouse.reading("a test") as connection:
        run_id = connection.execute("SELECT max(run_id) FROM raw.run_events").fetchall()[0][0]
    assert holding(lake, run_id)
    kill_and_run("rewrite", run_id)  # marks count what is erased, too
    assert holding(lake, run_id) == []
    go_on()
    assert (wrong(home), wrong(other)) == ({}, {})
