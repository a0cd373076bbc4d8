"""Where the file system clones, readers see within seconds what a tail stored."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pytest

from taskhouse.clock import LoopClock
from taskhouse.emulator.mutations import mutate
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.emulator.virtual import emulated, run
from taskhouse.operations import follow
from taskhouse.search.index import update
from taskhouse.search.query import Question, search
from taskhouse.settings import Settings
from taskhouse.warehouse.opening import open_warehouse
from taskhouse.warehouse.publish import NAME, current, publish
from tests.blank import blank
from tests.capture.test_tail_budget import WORLD
from tests.warehouse import reflinks


def test_what_a_tail_stores_is_published_within_seconds_and_found_within_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reflinks.play(monkeypatch)

    async def story() -> int:
        start = datetime.now(UTC)
        async with emulated(EmulatorSettings(start=start, **WORLD)) as (origin, emulator):
            settings = Settings(
                host=origin, api_key=emulator.service.settings.keys[0].value, project_ids=(1,), home=tmp_path
            ).with_clock(LoopClock(start))
            blank(settings.warehouse)
            stop = asyncio.Event()
            tail = asyncio.create_task(follow(settings, stop))
            await asyncio.sleep(10)
            assert current(settings.published) is None, "the first copy is made by a schedule or a command"
            first = publish(open_warehouse(settings), settings.published, force=True)
            update(settings.published, settings.clock, create=True)
            mutate(emulator.service, {"action": "new_task", "run": True, "title": "seen soon"})
            await asyncio.sleep(60)
            with duckdb.connect(str(settings.published / "current.duckdb"), read_only=True) as reader:
                events = reader.execute("SELECT count(*) FROM raw.run_events").fetchall()[0][0]
            newest = current(settings.published)
            stop.set()
            await tail
            assert first is not None
            assert newest is not None
            indexed = datetime.strptime(search(settings.published, Question("any")).copy, f"{NAME}Z").replace(
                tzinfo=UTC
            )
            assert first.made_at < indexed >= newest.made_at - timedelta(minutes=1)
            return int(events)

    assert run(story()) > 0
