"""Run events: the live layer and the log layer of every run that moves, through the spool into the warehouse."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import datetime, timedelta

from taskhouse.errors import Locked, NotFound
from taskhouse.posthog import records
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.follow import Ending
from taskhouse.spool.folder import Spool
from taskhouse.spool.writer import SpoolWriter
from taskhouse.sync import logs, streams
from taskhouse.sync.passes import Context, Pass, Report, running
from taskhouse.sync.plan import Plan, Run, plan
from taskhouse.warehouse import state
from taskhouse.warehouse.commit import Batch
from taskhouse.warehouse.load import Loaded, load_spool

RESOURCE = "run_events"
LOGS_AT_ONCE = 8
TICK_S = 0.25
TABLES = {"live": "run_events", "log": "run_log_entries"}


async def sync(context: Context) -> Report:
    """One pass over the runs of a project, for at most ``capture_seconds`` where runs are live.

    A run that is still live when the time is over is no gap: the next pass resumes it after the last event that is
    safe. Every other run is read to its end in both layers.

    Raises:
        TaskhouseError: The server refuses the key, or the warehouse failed; captured events stay in the spool.
    """
    async with running(context, RESOURCE) as this:
        spool = Spool(context.settings.spool / str(context.project_id))
        recovered = spool.recover()
        for path in recovered.damaged:
            this.doubt(f"a spool file was damaged and is set aside as {path}")
        await _load(this, spool)
        found = plan(context.read(state.records, "runs", project_id=context.project_id), context.now())
        with SpoolWriter(spool) as writer:
            async with _draining(this, spool, writer):
                live = await _capture(this, writer, found)
        await _load(this, spool)
        this.server_count = this.server_count_end = len(found.streams) + len(found.logs)
        this.complete(_summary(found, live))
    return this.report()


def _summary(found: Plan, live: int) -> str:
    ended = len(found.streams) - live
    return (
        f"{ended} streams were read to their end, {live} are still live, {len(found.logs)} runs were read from their"
        f" log, {found.resting} rest"
    )


async def _capture(this: Pass, writer: SpoolWriter, found: Plan) -> int:
    """Stream and drain everything in the plan; returns how many runs are still live."""
    stop = asyncio.Event()
    gate = asyncio.Semaphore(LOGS_AT_ONCE)
    async with asyncio.TaskGroup() as group:
        following = [group.create_task(_follow(this, writer, run, stop, gate)) for run in found.streams]
        for run in found.logs:
            group.create_task(_drain(this, writer, run, gate))
        if following:
            await asyncio.wait(following, timeout=this.context.settings.capture_seconds)
        stop.set()
    return sum(task.result() for task in following)


async def _follow(this: Pass, writer: SpoolWriter, run: Run, stop: asyncio.Event, gate: asyncio.Semaphore) -> bool:
    """One run to its end in both layers; True if it is still live."""
    ending = await streams.capture(this, this.api(Priority.LIVE), writer, run, stop)
    if ending is Ending.STOPPED:
        return True
    if ending is Ending.ERROR_BUDGET:
        this.doubt(f"the stream of run {run.run_id} failed again and again; the next pass tries it anew")
    if ending is not Ending.NOT_FOUND:
        await _drain(this, writer, await _refetch(this, run), gate)
    return False


async def _refetch(this: Pass, run: Run) -> Run:
    """Ask for the run once more after its stream ended: the stream does not promise its final state."""
    batch = Batch()
    try:
        row = await this.api(Priority.HOT).run(run.task_id, run.run_id)
    except NotFound:
        return run
    number = this.page(batch, f"run {run.run_id}", [run.run_id], "")
    columns = this.read(batch, row, records.run, records.RUN, "runs")
    if columns is not None:
        batch.runs.append(this.stamp(columns, number, "run"))
    await this.commit(batch)
    ended = columns["completed_at"] if columns else None
    return replace(run, ended_at=datetime.fromisoformat(ended) if ended else this.context.now())


async def _drain(this: Pass, writer: SpoolWriter, run: Run, gate: asyncio.Semaphore) -> None:
    """Read a run's log; a run that ended just now is read once more after its last flush."""
    api = this.api(Priority.LOG)
    settle = timedelta(seconds=this.context.settings.log_settle_s)
    async with gate:
        now = this.context.now()
        settled = run.ended_at is not None and now - run.ended_at >= settle
        position = await logs.drain(this, api, writer, run, start=run.position, settled=settled)
    if settled or run.ended_at is None:
        return
    await asyncio.sleep(min(settle, settle - (now - run.ended_at)).total_seconds())
    async with gate:
        await logs.drain(this, api, writer, run, start=position, settled=True)


@contextlib.asynccontextmanager
async def _draining(this: Pass, spool: Spool, writer: SpoolWriter) -> AsyncIterator[None]:
    """Keep the spool safe, sealed and loaded while the block captures; a locked warehouse only delays the load."""
    done = asyncio.Event()

    async def run() -> None:
        while not done.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(done.wait(), TICK_S)
            await asyncio.to_thread(writer.tick)
            with contextlib.suppress(Locked):
                await _load(this, spool)
            this.tell(this.rows_seen, None, "events")

    task = asyncio.create_task(run())
    try:
        yield
    finally:
        done.set()
        await task


async def _load(this: Pass, spool: Spool) -> None:
    loaded = await asyncio.to_thread(load_spool, this.context.warehouse, spool, report=this.doubt)
    for layer, table in TABLES.items():
        done: Loaded = loaded[layer]
        this.added[table] = this.added.get(table, 0) + done.inserted
