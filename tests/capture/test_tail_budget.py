"""What ``taskhouse tail`` asks of a key's hour, and how soon it follows what moves, by figures; in virtual time."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from taskhouse.capture import capture_schedule, open_runs, tail
from taskhouse.capture.lookup_rate import Pace, per_request_s
from taskhouse.clock import LoopClock
from taskhouse.emulator.mutations import mutate
from taskhouse.emulator.service import Service
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.emulator.virtual import emulated, run
from taskhouse.errors import ConfigurationError, Corrupt, Locked
from taskhouse.passes.context import Context
from taskhouse.posthog.client import PostHog
from taskhouse.settings import Settings
from taskhouse.spool.folder import Spool
from taskhouse.warehouse import ledger
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.opening import open_warehouse
from tests.blank import blank

WORLD: dict[str, Any] = {
    "tasks": 10,
    "repositories": 2,
    "live_runs": 0,
    "events": 0.1,
    "pace": 0.05,
    "throttle": False,
}


@dataclass
class Followed:
    """An emulator and a tail that follows its project."""

    service: Service
    task: "asyncio.Task[Any]"
    stop: asyncio.Event

    def asked(self, endpoint: str = "") -> int:
        """Requests since the last time, of an endpoint or of all."""
        found = self.service.requests.shown()
        self.service.requests.reset()
        return int(found["by_endpoint"].get(endpoint, 0) if endpoint else found["total"])

    def change(self, action: str, **given: Any) -> dict[str, Any]:
        return mutate(self.service, {"action": action, **given})

    async def until(self, condition: Callable[[], bool], most_s: float) -> float:
        """Seconds until something holds."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        while not condition():
            await asyncio.sleep(0.2)
            assert loop.time() - began <= most_s
        return loop.time() - began


@contextlib.asynccontextmanager
async def followed(
    home: Path, per_hour: int = 0, *, ahead: timedelta | None = None, **world: Any
) -> AsyncIterator[Followed]:
    start = datetime.now(UTC)
    async with emulated(EmulatorSettings(start=start, **{**WORLD, **world})) as (origin, emulator):
        service = emulator.service
        settings = Settings(
            host=origin,
            api_key=service.settings.keys[0].value,
            project_ids=(1,),
            home=home,
            requests_per_hour=per_hour,
            log_final_s=0.2,
        ).with_clock(LoopClock(start))
        if ahead is not None:
            with open_warehouse(settings).transaction("a tail of a clock that was ahead") as connection:
                who: dict[str, Any] = {"pass_id": "p", "project_id": 1, "resource": "tail", "viewer": None}
                ledger.begin(connection, **who, started_at=start + ahead)
        stop = asyncio.Event()
        async with PostHog(settings) as client:
            context = Context(settings, 1, client, open_warehouse(settings), load_every_s=60)
            task = asyncio.create_task(tail.run(context, stop))
            try:
                yield Followed(service, task, stop)
            finally:
                stop.set()
                await task


def test_a_look_that_waits_for_its_server_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def story() -> tuple[float, Any]:
        async with followed(tmp_path) as tail_of:
            await asyncio.sleep(30)
            monkeypatch.setattr(tail._Watch, "_look", lambda _: asyncio.Event().wait())
            await asyncio.sleep(30)
            stopped_at = asyncio.get_running_loop().time()
            tail_of.stop.set()
            report = await tail_of.task
            return asyncio.get_running_loop().time() - stopped_at, report

    took_s, report = run(story())
    assert took_s < 10
    assert (report.verdict, report.reason) == (
        "incomplete",
        "the search for new runs failed: the server gave no answer",
    )


@pytest.mark.worlds
@pytest.mark.usefixtures("attached")
@pytest.mark.parametrize(("seconds", "most"), [(133, 35), (600, 55), (3600, 150)])
def test_an_error_that_stays_costs_less_and_less(tmp_path: Path, seconds: float, most: int) -> None:
    async def story() -> int:
        async with followed(tmp_path) as tail_of:
            run_id = tail_of.change("new_task", run=True, title="sticky")["run_id"]
            await tail_of.until(lambda: tail_of.service.open_streams > 0, 30)
            await asyncio.sleep(20)
            tail_of.asked()
            tail_of.change("stream_error", run_id=run_id, message="Connection lost")
            await asyncio.sleep(seconds)
            spent = tail_of.service.requests.shown()
            return int(spent["total"]) - int(spent["by_endpoint"]["tasks.list"])

    assert run(story()) <= most, "159 in 133 seconds when every look tried it anew"


@pytest.mark.worlds
@pytest.mark.usefixtures("attached")
@pytest.mark.parametrize("how", ["finish", "reopen"])
def test_a_stream_that_failed_is_read_as_soon_as_its_run_moves_on(tmp_path: Path, how: str) -> None:
    async def story() -> float:
        async with followed(tmp_path) as tail_of:
            run_id = tail_of.change("new_task", run=True, title="sticky")["run_id"]
            await tail_of.until(lambda: tail_of.service.open_streams > 0, 30)
            tail_of.change("stream_error", run_id=run_id, message="Connection lost")
            await asyncio.sleep(400)
            tail_of.change("finish", run_id=run_id)
            if how == "reopen":
                tail_of.change("reopen", run_id=run_id)
                return await tail_of.until(lambda: tail_of.service.open_streams > 0, 60)
            tail_of.asked()
            return await tail_of.until(lambda: tail_of.service.requests.shown()["by_endpoint"].get("runs.stream"), 60)

    assert run(story()) <= 10


@pytest.mark.usefixtures("attached")
@pytest.mark.parametrize(
    ("runs", "most_s"), [(51, 9), *(pytest.param(*crowd, marks=pytest.mark.worlds) for crowd in ((120, 12), (450, 30)))]
)
@pytest.mark.parametrize("ordering", [True, pytest.param(False, marks=pytest.mark.worlds)])
def test_all_that_moves_is_followed_within_seconds(tmp_path: Path, runs: int, most_s: float, *, ordering: bool) -> None:
    async def story() -> tuple[float, int]:
        ignored = frozenset() if ordering else frozenset({"ordering"})
        async with followed(tmp_path, 4800, ignored_parameters=ignored) as tail_of:
            await asyncio.sleep(30)
            for number in range(runs):
                tail_of.change("new_task", run=True, title=f"new {number}")
            tail_of.asked()
            shown = tail_of.service.requests.shown
            took = await tail_of.until(lambda: shown()["by_endpoint"].get("runs.stream", 0) >= runs, 120)
            return took, shown()["by_endpoint"]["tasks.list"]

    took_s, looks = run(story())
    assert took_s <= most_s, "one look was fifty tasks, and the others waited for the plan of the next minute"
    assert looks <= 6 + runs // 50


def test_looking_takes_its_share_of_an_hour_at_most() -> None:
    for hourly in (4800, 1000):
        for pages in (1, 2, 7):
            pace, now, asked = Pace(5.0, per_request_s(hourly, 1)), 0.0, 0
            while now < 24 * 3600:
                asked += pages
                now += pace.after(pages)
            assert asked / 24 <= 0.15 * hourly * 1.02
    assert per_request_s(4800, 3) == 3 * per_request_s(4800, 1) == 15.0
    assert Pace(5.0, per_request_s(0, 1)).after(100) == 5.0


def test_a_look_of_many_pages_is_paid_by_those_after_it() -> None:
    pace = Pace(5.0, 5.0)
    pauses = [pace.after(pages) for pages in (6, *[1] * 60)]
    assert max(pauses) < 9, "one long look does not hold up the next"
    assert 0.9 * 25 < sum(pauses) - 61 * 5 <= 25


def test_events_are_captured_while_the_warehouse_is_gone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    warehouse = Warehouse(blank(tmp_path / "warehouse.duckdb"), host="http://localhost:1")
    with warehouse.transaction("another home") as connection:
        ledger.begin(connection, pass_id="p", project_id=1, resource="tasks", viewer=None, started_at=datetime.now(UTC))
        connection.execute("UPDATE ledger.passes SET verdict = 'complete'")
    warehouse.path.unlink()

    async def story() -> None:
        async with followed(tmp_path) as tail_of:
            tail_of.change("new_task", run=True, title="sticky")
            await tail_of.until(lambda: tail_of.service.open_streams > 0, 30)
            await asyncio.sleep(150)

    with pytest.raises(Corrupt, match="is gone"):
        run(story())
    said = [record.getMessage() for record in caplog.records if "is gone" in record.getMessage()]
    assert 1 <= len(said) <= 2, "once, and once more when events are waiting in the spool"
    assert all("Capture continues into the spool" in text and "taskhouse restore" in text for text in said)
    assert [segment.layer for segment in Spool(tmp_path / "spool" / "1").segments()].count("live") > 0
    assert not warehouse.path.exists()


def test_a_home_whose_clock_was_ahead_says_so_and_captures_meanwhile(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    blank(tmp_path / "warehouse.duckdb")

    async def story() -> str:
        async with followed(tmp_path, ahead=timedelta(days=40)) as tail_of:
            run_id: str = tail_of.change("new_task", run=True, title="sticky")["run_id"]
            await tail_of.until(lambda: tail_of.service.open_streams > 0, 30)
            await asyncio.sleep(150)
            return run_id

    run_id = run(story())
    said = [record.getMessage() for record in caplog.records if "history would run backwards" in record.getMessage()]
    assert len(said) == 1
    assert "`taskhouse restore --clock`" in said[0]
    with Warehouse(tmp_path / "warehouse.duckdb", host="").opened() as connection:
        assert connection.execute("SELECT DISTINCT run_id FROM raw.run_events").fetchall().count((run_id,)) == 1


def test_a_tail_touches_nothing_that_a_newer_taskhouse_left_open(tmp_path: Path) -> None:
    warehouse = Warehouse(blank(tmp_path / "warehouse.duckdb"), host="http://localhost:1")
    with warehouse.transaction("a newer taskhouse") as connection:
        connection.execute("INSERT INTO ledger.migrations VALUES (9999, 'new', '', now())")
    part = Spool(tmp_path / "spool" / "1").open / "live-1-2-abc-000001.part"
    part.write_bytes(b"a form of line that is not known yet")

    async def story() -> None:
        async with followed(tmp_path):
            pass

    with pytest.raises(ConfigurationError, match="schema version 9999"):
        run(story())
    assert part.read_bytes() == b"a form of line that is not known yet"


@pytest.mark.usefixtures("attached")
@pytest.mark.parametrize("locked", [False, True])
def test_a_run_that_was_read_to_its_end_and_goes_on_is_followed_after_its_last_event(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, locked: bool
) -> None:
    """It is left out of the plan, so the warehouse is asked; if that is locked, the run is followed all the same."""
    for module in (capture_schedule, open_runs):
        monkeypatch.setattr(module, "STREAM_KEPT", timedelta(minutes=1))
    known = open_runs.ask
    asked, left_out = set[str](), list[bool]()

    def ask(*given: Any, run_ids: Any = (), **named: Any) -> open_runs.OpenRuns:
        asked.update(run_ids)
        if run_ids and locked:
            raise Locked("an analyst has it open", hint="wait")
        found = known(*given, run_ids=run_ids, **named)
        if not run_ids:
            left_out.append(not found.rows)
        return found

    monkeypatch.setattr(open_runs, "ask", ask)

    async def story() -> tuple[str, float]:
        async with followed(tmp_path) as tail_of:
            run_id: str = tail_of.change("new_task", run=True, title="sticky")["run_id"]
            await tail_of.until(lambda: tail_of.service.open_streams > 0, 30)
            await asyncio.sleep(20)
            tail_of.change("finish", run_id=run_id)
            await tail_of.until(lambda: left_out[-2:] == [True, True], 600)
            asked.clear()
            tail_of.change("reopen", run_id=run_id)
            return run_id, await tail_of.until(lambda: tail_of.service.open_streams > 0, 60)

    run_id, took_s = run(story())
    assert took_s <= 10
    assert run_id in asked
    with Warehouse(tmp_path / "warehouse.duckdb", host="").opened() as connection:
        found = connection.execute("SELECT after_stream_id FROM ledger.stream_connections ORDER BY ended_at").fetchall()
    assert (found[-1] == (None,)) == locked
