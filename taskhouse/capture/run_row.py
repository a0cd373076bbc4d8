"""The rows of runs whose streams have ended."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime

from taskhouse.capture.capture_schedule import CaptureRun
from taskhouse.errors import UNAVAILABLE, NotFound, Refused
from taskhouse.passes.lifecycle import Pass
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.reconnect_policy import TERMINAL
from taskhouse.resources.runs import record
from taskhouse.resources.runs import spec as runs
from taskhouse.warehouse.commit import WriteBatch

TOGETHER_S = 0.2
"""How long a row waits for others: to write several takes hardly longer than to write one."""


@dataclass(slots=True, eq=False)
class _Row:
    """What is to be written for one run."""

    batch: WriteBatch = field(default_factory=WriteBatch)
    is_written: bool = False


class RunRows:
    """Requests the rows of runs of one pass; rows that come at the same time are written in one transaction."""

    def __init__(self, the_pass: Pass) -> None:
        self._pass = the_pass
        self._waiting: list[_Row] = []
        self._turn = asyncio.Lock()

    async def refetch(self, run: CaptureRun) -> CaptureRun:
        """Request the run once more after its stream ended, because the stream need not contain its final state."""
        new = _Row()
        try:
            row = await self._pass.api(Priority.CHANGES).run(run.task_id, run.run_id)
        except (NotFound, Refused):
            return run
        number = self._pass.page(new.batch, f"run {run.run_id}", [run.run_id], "")
        columns = self._pass.read(new.batch, row, record.run_of(run.task_id, run.run_id), record.SHAPE, "runs")
        if columns is not None:
            new.batch.add(runs.VERSIONS, self._pass.stamp(columns, number, "run"))
        await self._write(new)
        if columns is None or columns["status"] not in TERMINAL:
            return replace(run, final_change_at=None)
        moved = [columns[name] for name in ("created_at", "updated_at", "completed_at")]
        return replace(run, final_change_at=max(datetime.fromisoformat(moment) for moment in moved if moment))

    async def _write(self, new: _Row) -> None:
        """Write a row, with those that are waiting; by itself if it was among some that could not be written."""
        self._waiting.append(new)
        await self._pass.context.settings.clock.sleep(TOGETHER_S)
        async with self._turn:
            if new.is_written:
                return
            if new in self._waiting:
                together, self._waiting = self._waiting, []
                if await self._written(together) or len(together) == 1:
                    return
            await self._written([new])

    async def _written(self, rows: list[_Row]) -> bool:
        """Whether some rows were written together, or need not be: the next pass asks for these runs anyway."""
        batch = WriteBatch()
        for row in rows:
            batch.extend(row.batch)
        try:
            await self._pass.commit(batch)
        except (*UNAVAILABLE, asyncio.CancelledError) as problem:
            for row in rows:
                row.is_written = True
            if isinstance(problem, asyncio.CancelledError):  # the thread that writes goes on
                raise
        except Exception:
            if len(rows) == 1:
                raise
            return False
        for row in rows:
            row.is_written = True
        return True
