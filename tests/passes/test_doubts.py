"""A doubt that later evidence settles is withdrawn, and one that nothing settles stays."""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest

from taskhouse.capture.capture_schedule import ENDED
from taskhouse.operations import follow
from taskhouse.passes.judgement import Judgement
from taskhouse.passes.sync_pass import PassReport
from taskhouse.passes.verdict import ReasonCode
from taskhouse.posthog import retry

LIVE = 2
STREAMS = {"kind": "error_frame", "endpoint": "runs.stream", "after_frames": 0}
LOOKS = {"kind": "500", "endpoint": "tasks.list"}
RUN = {"kind": "500", "endpoint": "runs.detail", "times": 20}
LOGS = {"kind": "500", "endpoint": "runs.session_logs", "times": 20}


def tail(house: Any, until: Callable[[], bool]) -> PassReport:
    """A tail that is told to stop when something holds."""

    async def story() -> PassReport:
        stop = asyncio.Event()
        task = asyncio.create_task(follow(house.settings, stop))
        await asyncio.to_thread(_wait, lambda: task.done() or until())
        stop.set()
        return (await task)[0]

    with retry.instant():
        return asyncio.run(asyncio.wait_for(story(), 60))


def _wait(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.1)


def ended(house: Any) -> bool:
    states = house.rows("SELECT state FROM ledger.cursors WHERE resource = 'run_stream'")
    logs = house.rows("SELECT state FROM ledger.cursors WHERE resource = 'run_log'")
    return len(logs) >= len(states) >= LIVE and {row[0] for row in states} <= ENDED and set(logs) == {("settled",)}


@pytest.fixture
def doubts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Every doubt that a pass had, withdrawn or not."""
    seen: list[str] = []
    doubt = Judgement.doubt

    def noted(self: Judgement, code: ReasonCode, reason: str, *, about: str = "") -> None:
        seen.append(reason)
        doubt(self, code, reason, about=about)

    monkeypatch.setattr(Judgement, "doubt", noted)
    monkeypatch.setattr("taskhouse.capture.tail.PLAN_EVERY_S", 0.5)
    return seen


def had(doubts: list[str], *texts: str) -> bool:
    return all(any(text in reason for reason in doubts) for text in texts)


@pytest.mark.worlds
def test_a_tail_that_rode_out_outages_of_all_that_it_asks_for_is_complete(make_house: Any, doubts: list[str]) -> None:
    house = make_house(emulator_tasks=5, emulator_live_runs=LIVE, emulator_pace=20, tail_poll_s=0.2)
    house.sync("tasks")
    over: list[bool] = []

    def passed() -> bool:
        if not over and had(doubts, "failed repeatedly", "the search for new runs failed"):
            over.append(True)
            house.emulator.faults()
            house.emulator.faults(RUN, LOGS)
            house.emulator.clock(speed=60)
        return bool(over) and had(doubts, "/session_logs/ returned 500") and ended(house)

    house.emulator.faults(STREAMS, LOOKS)
    report = tail(house, passed)
    assert report.verdict == "complete", report.reason


def test_a_stream_that_never_worked_again_stays_a_doubt(make_house: Any, doubts: list[str]) -> None:
    house = make_house(emulator_tasks=5, emulator_live_runs=1, tail_poll_s=0.2)
    house.sync("tasks")
    house.emulator.faults(STREAMS)
    report = tail(house, lambda: had(doubts, "failed repeatedly"))
    assert report.verdict == "incomplete"
    assert "failed repeatedly" in report.reason
