"""Capture: follow the streams and read the logs of one project into the spool.

A pass with a time budget uses this, and so does ``taskhouse tail``, which runs until it is stopped.
"""

import asyncio
import contextlib
from collections import Counter, deque
from collections.abc import Coroutine, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from taskhouse.capture import logs, streams
from taskhouse.capture.capture_schedule import CaptureRun
from taskhouse.capture.loader import Loader
from taskhouse.capture.run_row import RunRows
from taskhouse.errors import (
    AccessDenied,
    Contract,
    Full,
    Permanent,
    Retryable,
    TaskhouseError,
    Throttled,
)
from taskhouse.passes import refusal_policy
from taskhouse.passes.lifecycle import Pass
from taskhouse.plural import counted
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.follow import Ending

LOGS_AT_ONCE = 8

LOOK_S = 5.0
"""How long the stream of a run at rest is read, unless it brings an event."""

CATCH_UP_S = 25.0
"""How much longer a pass stays with streams that were not read up to the present; keepalives come after 20 seconds."""

FLUSH_S = 10.0
"""How long after its end the log of a run is read again: the server flushes it that late."""

SETTLE_S = 0.05
"""A silence counts if it still lasts after this time, in which everything that has come is read."""

STREAM = "run_stream"
GOES_ON = "live"
"""The state of a stream that was read up to the present and may bring more."""

REFUSALS = {Ending.NOT_FOUND: refusal_policy.NOT_FOUND, Ending.REFUSED: refusal_policy.REFUSED}


class Capture:
    """The runs of one project whose streams or logs are being read.

    Use ``session.capturing`` to open one. Once ``stop`` is set, streams are closed and nothing new is started.
    """

    def __init__(self, the_pass: Pass, loader: Loader, group: asyncio.TaskGroup) -> None:
        self.the_pass = the_pass
        self.loader = loader
        self.spool = loader.spool
        self.writer = loader.writer
        self._rows = RunRows(the_pass)
        self.stop = asyncio.Event()
        self.live: dict[str, asyncio.Task[None]] = {}
        self.stream_progress: dict[str, streams.StreamProgress] = {}
        self.endings: dict[str, streams.Ended] = {}
        self.full: Full | None = None
        self._group = group
        self._gate = asyncio.Semaphore(LOGS_AT_ONCE)
        self._reading_logs: set[str] = set()
        self._lost: set[tuple[str, str]] = set()
        self.waiting: deque[CaptureRun] = deque()
        self._crowded = False
        self.unknown = Counter[str]()

    def follow(self, run: CaptureRun, *, look: bool = False) -> bool:
        """Follow a run's stream to its end, then read its log; False if too many streams are open.

        With ``look`` it is followed only while it brings events, and the log is read in any case.
        """
        if run.run_id in self.live or self.stop.is_set():
            return True
        if len(self.live) >= self.the_pass.context.settings.max_streams:
            return False
        self.stream_progress[run.run_id] = streams.StreamProgress(
            look, self.the_pass.context.settings.clock.now, heard_at=run.heard_at
        )
        task = self._group.create_task(self._look(run) if look else self._follow(run))
        self.live[run.run_id] = task
        task.add_done_callback(lambda _: self.live.pop(run.run_id, None))
        return True

    def drain(self, run: CaptureRun) -> None:
        """Read a run's log, unless it is being read."""
        if run.run_id not in self._reading_logs:
            self._reading_logs.add(run.run_id)
            task = self._group.create_task(self._spared(logs.about(run), self._drain(run)))
            task.add_done_callback(lambda _: self._reading_logs.discard(run.run_id))

    def begin(self, runs: Iterable[CaptureRun]) -> None:
        """Read logs for the first time, in this order, while the budget has room; the rest stays in ``waiting``."""
        self.waiting.extend(runs)
        for _ in range(LOGS_AT_ONCE):
            self._group.create_task(self._begin())

    def lost(self, layer: str, runs: Iterable[CaptureRun]) -> None:
        """Give up what the server refused until it no longer had it; the search for gaps then records a gap.

        Args:
            layer: ``live`` for streams, ``log`` for logs.
            runs: The runs.
        """
        resource = {"live": STREAM, "log": logs.RESOURCE}[layer]
        for run in runs:
            if (layer, run.run_id) not in self._lost:
                self._lost.add((layer, run.run_id))
                run_key = run.run_key(self.the_pass.context.project_id)
                at = run.cursor if layer == "live" else None
                refusal = run.stream_state if layer == "live" else run.log_state
                self.writer.mark(layer, run_key, resource=f"{resource}_lost", position=at, state=refusal or "")
                self._mark(layer, run, resource, refusal_policy.LOST)
                self.loader.was_read(run)

    def _mark(
        self,
        layer: str,
        run: CaptureRun,
        resource: str,
        state: str,
        *,
        as_of: datetime | None = None,
        read_at: datetime | None = None,
    ) -> None:
        """Record a state of a run's stream or log that holds from the given time on, or from now on."""
        run_key = run.run_key(self.the_pass.context.project_id)
        as_of = as_of if as_of or read_at else self.the_pass.context.now()
        self.writer.mark(layer, run_key, resource=resource, position=None, state=state, as_of=as_of, read_at=read_at)

    @property
    def read_to_their_end(self) -> str:
        """How many were, in words, without those that were refused, failed, continue or brought nothing."""
        open_ = refusal_policy.STATES | {refusal_policy.FAILED, GOES_ON}
        read = sum(
            end.state not in open_ and self.stream_progress[run_id].has_begun for run_id, end in self.endings.items()
        )
        return counted(read, "stream was read to its end", "streams were read to their end")

    async def _begin(self) -> None:
        while self.waiting and not self._crowded:
            run = self.waiting.popleft()
            await self._spared(logs.about(run), self._first(run))

    async def _first(self, run: CaptureRun) -> None:
        try:
            await self._read(run, Priority.FIRST, final=self._final(run))
        except Throttled:
            self._crowded = True
            self.waiting.append(run)

    async def follow_all(self, runs: Iterable[CaptureRun], looks: Iterable[CaptureRun], seconds: float) -> int:
        """Follow runs to their end within a time limit, more as others end; returns how many were never opened.

        Runs at rest are read while there is room.
        """
        waiting, resting = deque(runs), deque(looks)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while waiting or resting or self.live:
                    while waiting and self.follow(waiting[0]):
                        waiting.popleft()
                    while not waiting and resting and self.follow(resting[0], look=True):
                        resting.popleft()
                    if self.live:
                        await asyncio.wait(list(self.live.values()), return_when=asyncio.FIRST_COMPLETED)
        return len(waiting)

    async def close(self) -> None:
        """Stop following. Streams that are not read up to the present get some more time, and then become a doubt."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CATCH_UP_S):
                while not self.the_pass.context.client.streams_down and (behind := await self.behind()):
                    await asyncio.wait([self.live[run_id] for run_id in behind if run_id in self.live], timeout=0.1)
        moving = [run_id for run_id in await self.behind() if not self.stream_progress[run_id].look]
        if self.live and self.the_pass.context.client.streams_down:
            left = counted(len(self.live), "stream is not read to its end", "streams are not read to their end")
            self.the_pass.doubt("no_answer", f"{left}, because the server opens none at the moment")
        elif moving:
            left = counted(len(moving), "stream was", "streams were")
            self.the_pass.doubt("unfinished", f"{left} not read up to the present; run it again")
        self.stop.set()

    async def behind(self, *runs: str) -> list[str]:
        """Those of these runs, or of all that are followed, whose streams are not read up to the present."""
        clock = self.the_pass.context.settings.clock
        silent = {run_id: self.stream_progress[run_id].quiet_since(clock.monotonic()) for run_id in runs or self.live}
        await clock.sleep(SETTLE_S)
        for run_id, since in silent.items():
            if since is not None and self.stream_progress[run_id].quiet_since(clock.monotonic()) == since:
                self.stream_progress[run_id].silent()
        return [run_id for run_id in runs or self.live if self.stream_progress[run_id].current_at is None]

    async def _follow(self, run: CaptureRun) -> None:
        await self._spared(_stream_of(run), self._stream(run, self.stop))

    async def _look(self, run: CaptureRun) -> None:
        """Follow a run at rest, and read its log in any case."""
        over = asyncio.Event()
        ending = asyncio.create_task(self._end_look(run, over))
        try:
            await self._spared(_stream_of(run), self._stream(run, over))
        finally:
            ending.cancel()
        if over.is_set():
            await self._spared(logs.about(run), self._log_of_a_look(run))

    async def _log_of_a_look(self, run: CaptureRun) -> None:
        """Read the log of a run at rest; if it has grown while the stream shows nothing, that stream is lost."""
        read = await self._drain(run)
        final = timedelta(seconds=self.the_pass.context.settings.log_final_s)
        if read.position > run.position and run.was_flushed(final):
            self.stream_progress[run.run_id].outgrown(self.writer, run.run_key(self.the_pass.context.project_id))

    async def _end_look(self, run: CaptureRun, over: asyncio.Event) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self.stop.wait(), LOOK_S)
        if self.stream_progress[run.run_id].has_events:
            await self.stop.wait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CATCH_UP_S):
                while await self.behind(run.run_id) and not self.stop.is_set():
                    pass
        over.set()

    async def _stream(self, run: CaptureRun, stop: asyncio.Event) -> None:
        async def read_log() -> None:
            nonlocal run
            async with self._gate:
                run = await self._read(run, Priority.LOG, final=False)

        ending = await streams.capture(
            self.the_pass,
            self.the_pass.api(Priority.LIVE),
            self.writer,
            run,
            stop,
            on_trim=lambda: self._spared(logs.about(run), read_log()),
            unknown=self.unknown,
            progress=self.stream_progress[run.run_id],
        )
        if ending is Ending.STOPPED:
            self.loader.was_read(run)
            if (current_at := self.stream_progress[run.run_id].current_at) is not None:
                self._ended(run, GOES_ON, current_at)
                self._mark("live", run, STREAM, GOES_ON, read_at=current_at)
            return
        if ending is Ending.ERROR_BUDGET:
            reason = f"the stream of run {run.run_id} failed repeatedly; the next pass tries it again"
            self.the_pass.doubt("no_answer", reason, about=_stream_of(run))
        else:
            self.the_pass.settle(_stream_of(run))
        ended_at = self.the_pass.context.now()
        if ending in REFUSALS:
            refusal = refusal_policy.LOST if run.stream_state == refusal_policy.LOST else REFUSALS[ending]
            self._ended(run, refusal, ended_at)
            self._mark("live", run, STREAM, refusal)
        else:
            run = await self._rows.refetch(run)
            self._ended(run, ending.value, ended_at)
            self._mark("live", run, STREAM, ending.value, as_of=run.final_change_at, read_at=ended_at)
        await self._spared(logs.about(run), self._drain(run))

    def _ended(self, run: CaptureRun, state: str, at: datetime) -> None:
        """Record how a stream ended; if the state is the same as before, it keeps its beginning."""
        at = max(at, run.final_change_at or at)
        before = self.endings.get(run.run_id)
        if before is None and run.stream_since is not None:
            before = streams.Ended(run.stream_state or "", at, run.stream_since)
        since = before.since if before is not None and before.state == state else at
        self.endings[run.run_id] = streams.Ended(state, at, since)

    async def _spared(self, about: str, work: Coroutine[Any, Any, object]) -> None:
        """Turn a run's error into a doubt; only a refused key, a full disk or a locked file ends the whole capture."""
        try:
            await work
        except AccessDenied:
            raise
        except (Retryable, Permanent, Contract) as problem:
            self.the_pass.doubt("no_answer", f"{about}: {problem.message}", about=about)
        except (TaskhouseError, OSError):
            raise
        except Exception as problem:  # noqa: BLE001 - no run may end the capture of the others
            reason = f"{about} could not be processed: {type(problem).__name__}"
            self.the_pass.doubt("unexpected", reason, about=about)

    async def _drain(self, run: CaptureRun) -> CaptureRun:
        """Read a run's log, and again after the last flush if the run has just ended."""
        async with self._gate:
            began, run = self.the_pass.context.now(), await self._read(run, Priority.LOG, final=self._final(run))
        if run.final_change_at is None:
            return run
        flush_s = min(FLUSH_S, self.the_pass.context.settings.log_final_s)
        early = flush_s - (began - run.final_change_at).total_seconds()
        if early > 0:
            await self.the_pass.context.settings.clock.sleep(min(flush_s, early))
            async with self._gate:
                run = await self._read(run, Priority.LOG, final=self._final(run))
        return run

    def _final(self, run: CaptureRun) -> bool:
        """Whether a run's log has had its last flush, also if that failed and was tried again."""
        final = timedelta(seconds=self.the_pass.context.settings.log_final_s)
        return run.final_change_at is not None and self.the_pass.context.now() - run.final_change_at >= final

    async def _read(self, run: CaptureRun, priority: Priority, *, final: bool) -> CaptureRun:
        """Read as much of a run's log as possible; returns the run with what is stored then."""
        api = self.the_pass.api(priority)
        try:
            with self.the_pass.trying(logs.about(run)):
                position = await logs.drain(self.the_pass, api, self.writer, run, start=run.position, final=final)
        finally:
            self.loader.was_read(run)
        return replace(run, position=position)


def _stream_of(run: CaptureRun) -> str:
    """The subject of a doubt about its stream."""
    return f"the stream of run {run.run_id}"
