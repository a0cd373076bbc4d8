"""The live layer: follow a run's stream into the spool."""

import asyncio
from contextlib import aclosing

from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.follow import Ending, follow
from taskhouse.posthog.redact import redact_event
from taskhouse.posthog.sse import Frame, Oversize
from taskhouse.spool.line import Entry
from taskhouse.spool.writer import SpoolWriter
from taskhouse.sync.passes import Pass
from taskhouse.sync.plan import Run

RESOURCE = "run_stream"


async def capture(this: Pass, api: TasksApi, writer: SpoolWriter, run: Run, stop: asyncio.Event) -> Ending:
    """Follow one run until its stream ends or ``stop`` is set; every event is in the spool before the cursor moves.

    Args:
        this: The pass.
        api: The project's endpoints in the class of live requests.
        writer: Where the events go.
        run: Whose stream, and the id to resume after.
        stop: Set when the time for live streams is over.
    """
    ending = Ending.STOPPED
    async with aclosing(follow(api, run.task_id, run.run_id, cursor=run.cursor, stop=stop)) as batches:
        async for batch in batches:
            if batch.frames:
                _append(this, writer, run, batch.leg, batch.frames)
            ending = batch.ending or ending
    if ending is not Ending.STOPPED:
        writer.mark(
            "live",
            project_id=this.context.project_id,
            task_id=run.task_id,
            run_id=run.run_id,
            resource=RESOURCE,
            position=None,
            state=ending.value,
        )
    return ending


def _append(this: Pass, writer: SpoolWriter, run: Run, leg: str, frames: list[Frame | Oversize]) -> None:
    entries = []
    for frame in frames:
        if isinstance(frame, Oversize):
            this.doubt(f"an event of run {run.run_id} has {frame.size} bytes, more than is kept")
            entries.append(Entry(frame.id, None, str(frame.size).encode(), redacted=False, kind="oversize"))
        else:
            entries.append(Entry(frame.id, None, *redact_event(frame.data)))
    this.rows_seen += len(entries)
    writer.append("live", entries, project_id=this.context.project_id, task_id=run.task_id, run_id=run.run_id, leg=leg)
