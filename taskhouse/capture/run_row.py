"""The row of a run whose stream has ended."""

import contextlib
from dataclasses import replace
from datetime import datetime

from taskhouse.capture.capture_schedule import CaptureRun
from taskhouse.errors import UNAVAILABLE, NotFound, Refused
from taskhouse.passes.lifecycle import Pass
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.reconnect_policy import TERMINAL
from taskhouse.resources.runs import record
from taskhouse.resources.runs import spec as runs
from taskhouse.warehouse.commit import WriteBatch


async def refetch(the_pass: Pass, run: CaptureRun) -> CaptureRun:
    """Request the run once more after its stream ended, because the stream need not contain its final state."""
    batch = WriteBatch()
    try:
        row = await the_pass.api(Priority.CHANGES).run(run.task_id, run.run_id)
    except (NotFound, Refused):
        return run
    number = the_pass.page(batch, f"run {run.run_id}", [run.run_id], "")
    columns = the_pass.read(batch, row, record.run_of(run.task_id, run.run_id), record.SHAPE, "runs")
    if columns is not None:
        batch.add(runs.VERSIONS, the_pass.stamp(columns, number, "run"))
    with contextlib.suppress(*UNAVAILABLE):  # the next pass asks for the run anyway
        await the_pass.commit(batch)
    if columns is None or columns["status"] not in TERMINAL:
        return replace(run, final_change_at=None)
    moved = [columns[name] for name in ("created_at", "updated_at", "completed_at")]
    return replace(run, final_change_at=max(datetime.fromisoformat(moment) for moment in moved if moment))
