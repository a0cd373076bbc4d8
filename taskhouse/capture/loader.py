"""Brings what was captured from the spool into the warehouse, and finds the gaps of the runs that were read."""

import asyncio
import functools
from datetime import datetime, timedelta

from taskhouse.capture.capture_schedule import CaptureRun
from taskhouse.errors import UNAVAILABLE
from taskhouse.passes.lifecycle import Pass
from taskhouse.spool.folder import Spool
from taskhouse.spool.writer import SpoolWriter
from taskhouse.warehouse import state
from taskhouse.warehouse.gaps import judge_runs
from taskhouse.warehouse.load import load_spool

OVERLOOKED = timedelta(days=7)
"""How far back a start looks for runs that were read but not searched for gaps."""

TABLES = {"live": "run_events", "log": "run_log_entries"}


class Loader:
    """Loads the spool of one project, and remembers which runs were read but not searched for gaps yet."""

    def __init__(self, the_pass: Pass, spool: Spool, writer: SpoolWriter) -> None:
        self.the_pass = the_pass
        self.spool = spool
        self.writer = writer
        self._read: dict[str, datetime] = {}
        self._overlooked = True

    def was_read(self, run: CaptureRun) -> None:
        """The run was read, so its gaps are searched for the next time."""
        self._read[run.run_id] = run.created_at

    async def load(self) -> None:
        """Bring every sealed segment into the warehouse.

        Raises:
            Locked: The warehouse is held; the segments stay in the spool.
        """
        damaged = functools.partial(self.the_pass.doubt, "damaged")
        loaded = await asyncio.to_thread(load_spool, self.the_pass.context.warehouse, self.spool, report=damaged)
        for layer, table in TABLES.items():
            self.the_pass.stats.add({table: loaded[layer].inserted})
            self.the_pass.stats.loaded += loaded[layer].inserted + loaded[layer].quarantined
            self.the_pass.stats.duplicates += loaded[layer].duplicates

    async def judge(self) -> None:
        """Load everything that was captured, then find the gaps of every run that was read since the last time.

        Raises:
            Locked: The warehouse is locked; this is done the next time.
        """
        runs, self._read = self._read, {}
        try:
            await asyncio.to_thread(self.writer.seal)
            await self.load()
            if self._overlooked:  # after what another process left behind is loaded
                runs = await asyncio.to_thread(self._unjudged) | runs
                self._overlooked = False
            if runs:
                await asyncio.to_thread(self._judge, runs)
        except UNAVAILABLE:
            self._read = runs | self._read
            raise

    def _unjudged(self) -> dict[str, datetime]:
        """Runs that another process read but did not search for gaps, with their age."""
        context = self.the_pass.context
        since = context.now() - OVERLOOKED
        found = context.read(
            state.records, "run_events/unjudged", project_id=context.project_id, since=since, now=context.now()
        )
        return {row["run_id"]: row["created_at"] for row in found}

    def _judge(self, runs: dict[str, datetime]) -> None:
        context = self.the_pass.context
        windows = context.settings.stream_windows
        failed = judge_runs(context.warehouse, context.project_id, runs, now=context.now(), windows=windows)
        for run_id in runs:
            about = f"the gaps of run {run_id}"
            if run_id in failed:
                self.the_pass.doubt("unexpected", f"{about} could not be determined: {failed[run_id]}", about=about)
            else:
                self.the_pass.settle(about)
