"""Batches are written in their order while the pass reads on, and never more than two of them are in memory."""

import asyncio
import os
import threading
from pathlib import Path
from typing import Any

import pytest

from taskhouse.passes.lifecycle import running
from taskhouse.passes.sync_pass import Pass
from taskhouse.passes.writing import MOST, Writing
from taskhouse.resources.tasks import rows
from taskhouse.warehouse.commit import WriteBatch
from taskhouse.warehouse.connection import Warehouse


def warehouse(folder: Path) -> Warehouse:
    return Warehouse(folder / "warehouse.duckdb", host="http://127.0.0.1:1")


def noted(folder: Path) -> list[int]:
    with warehouse(folder).reading("looking") as connection:
        return [number for (number,) in connection.execute("FROM noted ORDER BY number").fetchall()]


def note(connection: Any, number: int) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS noted (number INTEGER)")
    connection.execute("INSERT INTO noted VALUES (?)", [number])


def test_all_are_written_in_their_order_and_the_file_is_closed(tmp_path: Path) -> None:
    order: list[int] = []

    def write(connection: Any, number: int) -> None:
        order.append(number)
        note(connection, number)

    async def run() -> None:
        writing = Writing(warehouse(tmp_path), "a test", write)
        for number in range(3 * MOST):
            await writing.put(number)
        await writing.done()
        await writing.done()

    asyncio.run(run())
    assert order == noted(tmp_path) == list(range(3 * MOST))


def test_a_pause_after_as_many_as_one_opening_of_the_file_takes_is_no_end(tmp_path: Path) -> None:
    go_on = threading.Semaphore(0)

    def write(connection: Any, number: int) -> None:
        assert go_on.acquire(timeout=30)
        note(connection, number)

    async def run() -> None:
        writing = Writing(warehouse(tmp_path), "a test", write)
        for number in range(MOST):
            if number:  # the one before is written once this one waits, so that the file stays open
                asyncio.get_running_loop().call_soon(go_on.release)
            await writing.put(number)
        for number in (MOST, MOST + 1):
            go_on.release()
            while writing._busy:
                await asyncio.to_thread(os.sched_yield)
            await writing.put(number)
        go_on.release()
        async with asyncio.timeout(30):
            await writing.done()

    asyncio.run(run())
    assert noted(tmp_path) == list(range(MOST + 2))


@pytest.mark.parametrize("heard", [False, True], ids=["while it fails", "after it failed"])
def test_nothing_is_written_after_a_batch_that_failed(tmp_path: Path, *, heard: bool) -> None:
    def write(connection: Any, number: int) -> None:
        note(connection, number)
        if number == 1:
            raise KeyError(number)

    async def run() -> None:
        writing = Writing(warehouse(tmp_path), "a test", write)
        await writing.put(0)
        await writing.put(1)
        while heard and writing._busy:
            await asyncio.to_thread(os.sched_yield)
        with pytest.raises(KeyError):
            await writing.put(2)
        with pytest.raises(KeyError):
            await writing.done()

    asyncio.run(run())
    assert noted(tmp_path) == [0]


def test_what_is_being_written_when_the_pass_is_cancelled_can_still_be_waited_for(tmp_path: Path) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def write(connection: Any, number: int) -> None:
        begun.set()
        go_on.wait(30)
        note(connection, number)

    async def run() -> None:
        writing = Writing(warehouse(tmp_path), "a test", write)
        await writing.put(0)
        waiting = asyncio.ensure_future(writing.put(1))
        await asyncio.to_thread(begun.wait, 30)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        go_on.set()
        await writing.done()

    asyncio.run(run())
    assert noted(tmp_path) == [0, 1]


def test_pages_are_read_while_others_are_written_and_no_more_than_two_commits_bring(
    make_house: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rows, "COMMIT_PAGES", 2)
    monkeypatch.setattr(rows, "SPOOLED_PAGES", 2)
    house = make_house(emulator_tasks=1600)
    ahead: list[int] = []
    written = 0
    write = Pass._write

    def slowly(self: Pass, connection: Any, given: Any) -> None:
        nonlocal written
        pages = len(given[0].pages)
        for _ in range(200):  # as long as there is something to read ahead
            if written or house.emulator.requests()["by_endpoint"]["tasks.list"] >= 4:
                break
            os.sched_yield()
        ahead.append(house.emulator.requests()["by_endpoint"]["tasks.list"] - written)
        write(self, connection, given)
        written += pages

    monkeypatch.setattr(Pass, "_write", slowly)
    assert house.sync("tasks").verdict == "complete"
    assert ahead[0] == 4
    assert max(ahead[:-1]) <= 4
    assert house.present() == house.truth_tasks()


def test_commits_that_are_asked_for_at_once_are_each_their_own(make_house: Any) -> None:
    house = make_house(emulator_tasks=1)

    async def many(context: Any) -> list[BaseException | None]:
        async with running(context, "repositories") as the_pass:
            batches = [WriteBatch() for _ in range(5)]
            for number, batch in enumerate(batches):
                the_pass.page(batch, f"page {number}", [], "")
            batches[2].pages[0] = {"no": "page"}
            return await asyncio.gather(*map(the_pass.commit, batches), return_exceptions=True)

    with house.context() as context:
        outcomes = house.run(many(context))
    assert [outcome is None for outcome in outcomes] == [True, True, False, True, True]
    assert house.rows("SELECT request FROM ledger.pages ORDER BY page") == [(f"page {n}",) for n in (0, 1, 3, 4)]
