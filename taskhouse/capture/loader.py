"""Brings what was captured from the spool into the warehouse, and finds the gaps of the runs that were read."""

import asyncio
import functools
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Self, TypeVar

from taskhouse.capture.capture_schedule import CaptureRun
from taskhouse.passes.lifecycle import Pass
from taskhouse.spool.folder import Spool
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse import state
from taskhouse.warehouse.gaps import search_runs
from taskhouse.warehouse.load import load_spool

T = TypeVar("T")

OVERLOOKED = timedelta(days=7)
"""How far back a start looks for runs that were read but not searched for gaps."""

PORTION = 75_000
"""How many events of runs are searched together; each takes one or two kilobytes of memory meanwhile."""

FEW_RUNS = 10
"""As few runs as this are searched together, regardless of how many events they have."""

CLOCKS_DIFFER = timedelta(hours=1)
"""How far the server's clock may be ahead when runs are measured for this."""

TABLES = {"live": "run_events", "log": "run_log_entries"}


class Loader:
    """Loads the spool of one project, and remembers which runs were read but not searched for gaps yet.

    Its thread ends with the block.
    """

    def __init__(self, the_pass: Pass, spool: Spool, writer: SpoolWriter) -> None:
        self.the_pass = the_pass
        self.spool = spool
        self.writer = writer
        self._read: dict[str, datetime] = {}
        self._overlooked = True
        self._thread = ThreadPoolExecutor(1, "loader")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(wait=False)  # it ends after a load that is under way, for which nothing waits here

    def was_read(self, run: CaptureRun) -> None:
        """The run was read, so its gaps are searched for the next time."""
        self._read[run.run_id] = run.created_at

    async def load(self) -> None:
        """Bring everything that was captured into the warehouse.

        Raises:
            Locked: The warehouse is held; the segments stay in the spool.
        """
        damaged = functools.partial(self.the_pass.doubt, "damaged")
        await self._in_thread(self.writer.seal)
        loaded = await self._in_thread(load_spool, self.the_pass.context.warehouse, self.spool, report=damaged)
        for layer, table in TABLES.items():
            self.the_pass.stats.add({table: loaded[layer].inserted})
            self.the_pass.stats.loaded += loaded[layer].inserted + loaded[layer].quarantined
            self.the_pass.stats.duplicates += loaded[layer].duplicates

    async def find_gaps(self, *, portions: int | None = None) -> float:
        """Load everything that was captured, then find the gaps of the runs that were read since the last time.

        Args:
            portions: How many portions of runs are searched, each in a transaction of its own; the others are searched
                the next time. None means all.

        Returns:
            How many seconds the search took, without the load.

        Raises:
            Locked: The warehouse is locked; this is done the next time.
        """
        clock = self.the_pass.context.settings.clock
        left, self._read = self._read, {}
        try:
            await self.load()
            began = clock.monotonic()
            if self._overlooked:  # after what another process left behind is loaded
                left = await self._in_thread(self._unsearched) | left
                self._overlooked = False
            while left and portions != 0:
                some = await self._in_thread(self._portion, left)
                await self._in_thread(self._search, some)
                left = {run_id: at for run_id, at in left.items() if run_id not in some}
                portions = portions and portions - 1
        finally:
            self._read = left | self._read
        return clock.monotonic() - began

    async def _in_thread(self, work: Callable[..., T], *given: Any, **named: Any) -> T:
        """Do what waits for the warehouse in one thread, since DuckDB keeps memory for each that it was used in."""
        return await asyncio.get_running_loop().run_in_executor(self._thread, functools.partial(work, *given, **named))

    def _portion(self, runs: dict[str, datetime]) -> dict[str, datetime]:
        """The oldest of these runs, as many as are searched together, since the search takes memory for each event."""
        if len(runs) <= FEW_RUNS:
            return runs
        context, oldest = self.the_pass.context, sorted(runs, key=lambda run_id: runs[run_id])
        sizes = context.read(
            state.records,
            "run_events/sizes",
            project_id=context.project_id,
            run_ids=oldest,
            since=runs[oldest[0]] - CLOCKS_DIFFER,
        )
        events = {row["run_id"]: row["events"] for row in sizes}
        upto = itertools.accumulate(events.get(run_id, 0) for run_id in oldest)
        return {run_id: runs[run_id] for run_id, total in zip(oldest, upto, strict=True) if total <= PORTION} or {
            oldest[0]: runs[oldest[0]]
        }

    def _unsearched(self) -> dict[str, datetime]:
        """Runs that another process read but did not search for gaps, with their age."""
        context = self.the_pass.context
        since = context.now() - OVERLOOKED
        found = context.read(
            state.records, "run_events/unsearched", project_id=context.project_id, since=since, now=context.now()
        )
        return {row["run_id"]: row["created_at"] for row in found}

    def _search(self, runs: dict[str, datetime]) -> None:
        context = self.the_pass.context
        windows = context.settings.stream_windows
        failed = search_runs(context.warehouse, context.project_id, runs, now=context.now(), windows=windows)
        for run_id in runs:
            about = f"the gaps of run {run_id}"
            if run_id in failed:
                self.the_pass.doubt("unexpected", f"{about} could not be determined: {failed[run_id]}", about=about)
            else:
                self.the_pass.settle(about)
