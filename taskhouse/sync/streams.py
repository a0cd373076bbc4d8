"""The live layer: follow a run's stream into the spool."""

import asyncio
from contextlib import aclosing

from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.follow import Ending, follow
from taskhouse.posthog.sse import Frame, Oversize
from taskhouse.spool.line import Entry
from taskhouse.spool.writer import SpoolWriter
from taskhouse.sync import kept, revisit
from taskhouse.sync.passes import Pass
from taskhouse.sync.plan import Run


async def capture(this: Pass, api: TasksApi, writer: SpoolWriter, run: Run, stop: asyncio.Event) -> Ending:
    """Follow one run until its stream ends or ``stop`` is set; every event is in the spool before the cursor moves.

    Args:
        this: The pass.
        api: The project's endpoints in the class of live requests.
        writer: Where the events go.
        run: Whose stream, and the id to resume after.
        stop: Set when the time for live streams is over.
    """
    whose = run.whose(this.context.project_id)
    ending = Ending.STOPPED
    after, first, count = run.cursor, None, 0
    failed = run.stream_state == revisit.FAILED
    following = follow(api, run.task_id, run.run_id, cursor=run.cursor, leg=run.leg, failed=failed, stop=stop)
    async with aclosing(following) as batches:
        async for batch in batches:
            entries = _entries(this, run, batch.frames)
            if entries:
                writer.append("live", whose, entries, leg=batch.leg)
                first = first or next((entry.stream_id for entry in entries if entry.stream_id), None)
                count += len(entries)
            elif batch.note and count:  # the connection ended
                writer.resume("live", whose, leg=batch.leg, after=after, first=first, events=count)
                after, first, count = batch.cursor, None, 0
            ending = batch.ending or ending
    return ending


def _entries(this: Pass, run: Run, frames: list[Frame | Oversize]) -> list[Entry]:
    """Spool entries of frames. ``log-<n>`` frames are the log's own entries, which the log itself brings exactly."""
    entries = []
    for frame in frames:
        if isinstance(frame, Oversize):
            this.doubt(f"an event of run {run.run_id} has {frame.size} bytes, more than is kept")
            entries.append(Entry(frame.id, None, str(frame.size).encode(), redacted=False, kind="oversize"))
        elif frame.id is None or not frame.id.startswith("log-"):
            entries.append(kept.entry(frame.id, None, frame.data, this.context.settings.capture_text))
    this.captured += len(entries)
    return entries
