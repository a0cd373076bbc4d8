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

from pydantic import SecretStr

from taskhouse.lake.engine import Lake
from taskhouse.lake.service import publish_once
from taskhouse.settings import Settings
from tests.lake import worker
from tests.lake.compared import differs
from tests.lake.homes import Home

KILLS = 12
ROOT = Path(__file__).parents[2]


def given(settings: Settings) -> dict[str, Any]:
    """The settings of a shard for another process."""
    found = {name: getattr(settings, name) for name in settings.model_fields_set - {"home", "lake_data"}}
    secret = {name: value.get_secret_value() for name, value in found.items() if isinstance(value, SecretStr)}
    return {**found, **secret, "home": str(settings.home), "lake_data": str(settings.lake_data)}


@contextmanager
def publishing(home: Home) -> Iterator[subprocess.Popen[str]]:
    """A process that publishes, killed at the end of the block."""
    command = [sys.executable, str(worker.__file__), json.dumps(given(home.settings))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT, env={"PYTHONPATH": str(ROOT)}) as made:
        try:
            yield made
        finally:
            made.kill()


def test_a_publisher_that_is_killed_loses_and_doubles_nothing(lake: Lake, make_home: Callable[..., Home]) -> None:
    home, dice = make_home("one", lake), random.Random(7)
    for number in range(KILLS):
        with publishing(home) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "tick\n"
            time.sleep(dice.random() * (0.8 if number % 3 else 3))
        home.change(rows=200)
        if number % 4 == 3:
            assert publish_once(home.settings).generation
            assert differs(lake, home) == {}
    publish_once(home.settings)
    assert differs(lake, home) == {}
