"""When a capture loads what it has read: much of it at once, little of it after a pause."""

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from taskhouse.capture import loader, session
from taskhouse.capture.capture_schedule import CaptureRun
from taskhouse.passes.context import Context
from taskhouse.passes.lifecycle import Pass, begin
from taskhouse.settings import Settings
from taskhouse.spool.line import Entry, RunKey
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse.gaps import search_runs
from taskhouse.warehouse.opening import open_warehouse
from tests.blank import blank

pytestmark = pytest.mark.usefixtures("attached")


def a_pass(home: Path, *, load_every_s: float) -> Pass:
    settings = Settings(host="http://localhost:1", api_key="k", project_ids=(1,), home=home)
    blank(settings.warehouse)
    context = Context(settings, 1, None, open_warehouse(settings), load_every_s=load_every_s)
    the_pass = Pass(context, "run_events", "p", datetime.now(UTC))
    begin(the_pass)
    return the_pass


def captured(*numbers: int) -> list[Entry]:
    """Events with these numbers."""
    return [Entry(f"{2_000_000_000_000 + number}-0", None, b'{"type": "x"}', redacted=False) for number in numbers]


def test_much_is_loaded_before_the_pause_is_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(session, "MANY", 3)
    the_pass = a_pass(tmp_path, load_every_s=3600)

    async def story() -> list[int]:
        seen = []
        async with session.capturing(the_pass) as capture:
            for numbers in ((1, 2, 3), (4, 5), (6, 7)):
                capture.writer.append("live", RunKey(1, "t", "r"), captured(*numbers), leg="django")
                for _ in range(0 if numbers == (4, 5) else 2000):
                    await asyncio.sleep(0.01)
                    if the_pass.stats.loaded == numbers[-1]:
                        break
                seen.append(the_pass.stats.loaded)
            capture.writer.append("live", RunKey(1, "t", "r"), captured(8), leg="django")
        return [*seen, the_pass.stats.loaded]

    assert asyncio.run(story()) == [3, 3, 7, 8]


def test_a_capture_that_brings_nothing_wakes_for_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    ticks: list[int] = []
    tick = SpoolWriter.tick

    def counted(writer: SpoolWriter) -> None:
        ticks.append(writer.events)
        tick(writer)

    monkeypatch.setattr(session, "TICK_S", 0.01)
    monkeypatch.setattr(SpoolWriter, "tick", counted)
    the_pass = a_pass(tmp_path, load_every_s=0.01)

    async def story() -> None:
        async with session.capturing(the_pass) as capture:
            for number in (1, 2):
                capture.writer.append("live", RunKey(1, "t", "r"), captured(number), leg="django")
                for _ in range(2000):
                    await asyncio.sleep(0.01)
                    if the_pass.stats.loaded == number and capture.writer.quiet:
                        break
                await asyncio.sleep(0.05)
                before = len(ticks)
                await asyncio.sleep(0.2)
                assert len(ticks) == before, "it wakes while there is nothing to do"

    asyncio.run(story())
    assert the_pass.stats.loaded == 2
    assert set(ticks) == {1, 2}


def test_gaps_are_searched_for_in_portions_oldest_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "FEW_RUNS", 1)
    monkeypatch.setattr(loader, "PORTION", 5)
    the_pass, searched = a_pass(tmp_path, load_every_s=3600), list[list[str]]()

    def noted(warehouse: Any, project_id: int, runs: dict[str, datetime], **named: Any) -> dict[str, str]:
        searched.append(list(runs))
        return search_runs(warehouse, project_id, runs, **named)

    monkeypatch.setattr("taskhouse.capture.loader.search_runs", noted)
    sizes = {"new": 1, "huge": 9, "second": 3, "oldest": 2, "empty": 0}
    days = {"oldest": 5, "second": 4, "huge": 3, "empty": 2, "new": 1}

    async def story() -> None:
        async with session.capturing(the_pass) as capture:
            for run_id, events in sizes.items():
                capture.writer.append("live", RunKey(1, "t", run_id), captured(*range(events)), leg="django")
                created_at = datetime.now(UTC) - timedelta(days=days[run_id])
                capture.loader.was_read(CaptureRun("t", run_id, None, 0, (), created_at, None))
            await capture.loader.find_gaps(portions=1)
            assert searched == [["oldest", "second"]]

    asyncio.run(story())
    assert searched == [["oldest", "second"], ["huge"], ["empty", "new"]]


def test_the_thread_of_a_capture_ends_with_it(tmp_path: Path) -> None:
    the_pass, held = a_pass(tmp_path, load_every_s=3600), list[loader.Loader]()

    async def story() -> None:
        async with session.capturing(the_pass) as capture:
            held.append(capture.loader)

    asyncio.run(story())
    [thread] = [thread for thread in threading.enumerate() if thread.name.startswith("loader")]
    thread.join(10)
    assert not thread.is_alive()
