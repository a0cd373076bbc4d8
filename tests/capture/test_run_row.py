"""The rows of runs that end together: one transaction, in which no row stands in the way of another."""

import asyncio
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from taskhouse.capture.capture_schedule import CaptureRun
from taskhouse.capture.run_row import RunRows
from taskhouse.clock import LoopClock
from taskhouse.emulator.virtual import run
from taskhouse.errors import Locked
from taskhouse.warehouse.commit import WriteBatch

NOW = datetime(2026, 11, 20, tzinfo=UTC)


class Pass:
    """A pass that notes what it writes, and fails if it is to write one of some rows."""

    context: Any

    def __init__(self, problem: Exception | None = None, bad: str = "") -> None:
        self.written: list[set[str]] = []
        self._problem, self._bad = problem, bad

    def api(self, _: object) -> "Pass":
        return self

    async def run(self, task_id: str, run_id: str) -> dict[str, Any]:
        await self.context.settings.clock.sleep(int(run_id) / 100)
        return {"id": run_id, "task": task_id}

    def page(self, batch: WriteBatch, request: str, keys: list[str], _: str) -> int:
        batch.pages.append({"request": request, "first_key": keys[0]})
        return len(batch.pages)

    def read(self, _: WriteBatch, row: dict[str, Any], *__: object) -> dict[str, Any]:
        return row | {"status": "completed", "created_at": NOW.isoformat(), "updated_at": None, "completed_at": None}

    def stamp(self, columns: dict[str, Any], *_: object) -> dict[str, Any]:
        return columns

    async def commit(self, batch: WriteBatch) -> None:
        await self.context.settings.clock.sleep(1)
        keys = {page["first_key"] for page in batch.pages}
        if self._problem is not None and (not self._bad or self._bad in keys):
            raise self._problem
        self.written.append(keys)


def ended(the_pass: Pass, *numbers: int) -> list[Any]:
    async def all_of_them() -> list[Any]:
        the_pass.context = SimpleNamespace(settings=SimpleNamespace(clock=LoopClock(NOW)))
        rows = RunRows(the_pass)  # type: ignore[arg-type]
        asked = (rows.refetch(_run(number)) for number in numbers)
        return await asyncio.gather(*asked, return_exceptions=True)

    return run(all_of_them())


def _run(number: int) -> Any:
    fields: dict[str, Any] = dict.fromkeys(CaptureRun.__dataclass_fields__)
    return CaptureRun(**fields | {"task_id": "t", "run_id": str(number)})


def test_rows_that_come_together_are_written_together() -> None:
    the_pass = Pass()
    found = ended(the_pass, 1, 2, 3, 50, 60)

    assert the_pass.written == [{"1", "2", "3"}, {"50", "60"}]
    assert [one.final_change_at for one in found] == [NOW] * 5


def test_a_row_that_cannot_be_written_keeps_no_other_from_being_written() -> None:
    the_pass = Pass(ValueError("bad"), bad="2")
    found = ended(the_pass, 1, 2, 3)

    assert sorted(map(sorted, the_pass.written)) == [["1"], ["3"]]
    assert [isinstance(one, ValueError) for one in found] == [False, True, False]


@pytest.mark.parametrize("numbers", [(1,), (1, 2, 3)])
def test_a_warehouse_that_cannot_be_had_is_asked_once(numbers: tuple[int, ...]) -> None:
    the_pass = Pass(Locked("It is used."))
    found = ended(the_pass, *numbers)

    assert the_pass.written == []
    assert [one.final_change_at for one in found] == [NOW] * len(numbers)
