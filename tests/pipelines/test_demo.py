"""``taskhouse demo``: the newcomer's first command."""

import asyncio
import functools
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from taskhouse.clock import LoopClock
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.emulator.virtual import VirtualLoop, emulated
from taskhouse.errors import TaskhouseError
from taskhouse.pipelines.cli.days import Days
from taskhouse.pipelines.cli.standin import answer
from taskhouse.pipelines.cli.truth import compare_ever
from taskhouse.settings import Settings
from tests.blank import blank

MONDAY = datetime(2026, 9, 14, tzinfo=UTC)


def test_a_demo_that_is_killed_takes_its_emulator_along(taskhouse: Any) -> None:
    process = taskhouse.start("demo", "--tasks", "40")
    next(line for line in process.stderr if line.startswith("Starting"))
    below: list[int] = []
    until = time.monotonic() + 20
    while time.monotonic() < until and not below:
        below = [int(found) for found in _children(process.pid)]
    process.kill()
    process.communicate()
    while time.monotonic() < until and _lives(below[0]):
        time.sleep(0.05)

    assert not _lives(below[0])


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text("ascii").split()


def _lives(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text("ascii")
    except OSError:
        return False


@pytest.mark.worlds
def test_a_morning_loses_nothing_of_what_was_ever_served(tmp_path: Path) -> None:
    with asyncio.Runner(loop_factory=functools.partial(VirtualLoop, threads=False)) as runner:
        compared, verdicts = runner.run(_lived(tmp_path))

    assert {line.what: line.equal for line in compared} == dict.fromkeys((line.what for line in compared), True)
    held = {line.what: line.held for line in compared}
    assert held["readiness"]
    assert held["live events"] > 50
    assert "runs that lost live events, as the warehouse says" not in held
    assert set(verdicts) == {"complete"}


async def _lived(folder: Path) -> tuple[list[Any], Counter[str]]:
    world = EmulatorSettings(start=MONDAY, tasks=5, repositories=3, live_runs=0, events=0.1, busy_days=1)
    async with emulated(world) as (origin, emulator):
        settings = Settings(
            host=origin, api_key=world.keys[0].value, project_ids=(1,), home=folder, readiness_windows=(7,)
        ).with_clock(LoopClock(MONDAY))
        blank(settings.warehouse)
        days = Days(settings, emulator, lambda _: None)
        await days.live(MONDAY + timedelta(hours=7))
        return compare_ever(settings, await emulator.service.truth.of(1, 1, ever=True)), days.verdicts


def test_what_a_stand_in_says_while_it_plays() -> None:
    passed_days: list[int] = []
    assert answer(iter(['{"days": 1}\n', '{"days": 2}\n', '{"POSTHOG_HOST": "x"}\n']), passed_days.append) == {
        "POSTHOG_HOST": "x"
    }
    assert passed_days == [1, 2]
    with pytest.raises(TaskhouseError, match="no room") as refused:
        answer(iter(['{"failed": "There is no room.", "hint": "Free some."}\n']), passed_days.append)
    assert refused.value.hint == "Free some."
