"""``taskhouse tail``: a service that follows the streams of a project until it is stopped.

Every few seconds it searches for active runs (one request, and more while each brings runs that it does not follow
yet). Every minute it reads from the warehouse what the scheduled passes found. It does not depend on the warehouse:
while that is locked or missing, events collect in the spool, and a new start continues after them.
"""

import asyncio
import contextlib
import json
import logging
import os
import secrets
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from taskhouse.capture import open_runs
from taskhouse.capture.capture import Capture
from taskhouse.capture.capture_schedule import may_stream, parents_of, plan_capture
from taskhouse.capture.log_held import WAIT_S
from taskhouse.capture.lookup_rate import Pace, per_request_s
from taskhouse.capture.open_runs import OpenRuns
from taskhouse.capture.session import capturing
from taskhouse.errors import UNAVAILABLE, Backwards, Contract, Corrupt, Locked, Retryable
from taskhouse.passes import refusals
from taskhouse.passes.lifecycle import Context, Pass, PassReport, begin, finish
from taskhouse.posthog.api import EVERYTHING
from taskhouse.posthog.budget import Priority
from taskhouse.resources.runs import record
from taskhouse.warehouse import state

RESOURCE = "tail"
PLAN_EVERY_S = 60.0
FIRST_PLAN_S = 3.0
LAST_LOOK_S = 5.0
"""How long a search may still wait for the server once the tail is stopped."""

LOOKING = "new runs"
PAGE_ROWS = 100
"""Tasks on one page of a search for active runs; the server sends no more."""


async def run(context: Context, stop: asyncio.Event) -> PassReport:
    """Follow the project's streams until ``stop`` is set, then seal the spool, load it and report.

    Raises:
        Locked: Another tail follows this project.
        Full: There was no room left; everything captured until then is safe.
        ConfigurationError: A newer taskhouse wrote the warehouse, and perhaps the spool; both are left as they are.
        TaskhouseError: The server refuses the key.
    """
    async with _alone(context):
        with contextlib.suppress(*UNAVAILABLE):
            await asyncio.to_thread(_ours, context)
        started = context.now()
        the_pass = Pass(context, RESOURCE, f"{started:%Y%m%dT%H%M%S}-{RESOURCE}-{secrets.token_hex(4)}", started)
        try:
            async with capturing(the_pass) as capture:
                await _Watch(the_pass, capture).rounds(stop)
                live = len(capture.live)
                await capture.close()
            await refusals.tell(the_pass, ("run_stream", "run_log"), "run")
            the_pass.complete(f"stopped; {capture.read_to_their_end}, {live} not yet")
        finally:
            with contextlib.suppress(*UNAVAILABLE):
                await asyncio.to_thread(finish, the_pass)
    return the_pass.report()


def _ours(context: Context) -> None:
    """Make sure that no newer taskhouse wrote here, before the spool is touched."""
    with context.warehouse.waiting(FIRST_PLAN_S).reading("starting to follow streams"):
        pass


def follower(context: Context) -> str:
    """Which process follows the project's streams, in words; "" if none does."""
    lock = FileLock(_path(context), thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        with contextlib.suppress(OSError, ValueError, KeyError):
            holder = json.loads(_path(context).with_suffix(".json").read_text(encoding="utf-8"))
            return f"`taskhouse tail` follows them in process {holder['pid']} since {holder['since']}"
        return "`taskhouse tail` follows them"
    lock.release()
    return ""


@contextlib.asynccontextmanager
async def _alone(context: Context) -> AsyncIterator[None]:
    path = _path(context)
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path, thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise Locked(
            f"Project {context.project_id}: {follower(context) or 'another tail is starting'}.",
            hint="One tail follows all streams of a project; stop the other one first.",
        ) from None
    try:
        with contextlib.suppress(OSError):  # a note for people
            path.with_suffix(".json").write_text(
                json.dumps({"pid": os.getpid(), "since": context.now().isoformat(timespec="seconds")}), encoding="utf-8"
            )
        yield
    finally:
        lock.release()


def _path(context: Context) -> Path:
    return context.settings.home / "locks" / f"tail-{context.project_id}.lock"


class _Watch:
    """The rounds of one tail: what the warehouse contained at the last plan, and what was seen since.

    A plan leaves out runs that are read to their end. If a search finds that one of them goes on, or that a new run
    resumed one, the warehouse is asked about it; while it is locked, the run is read as if it were new.
    """

    def __init__(self, the_pass: Pass, capture: Capture) -> None:
        self.the_pass = the_pass
        self.capture = capture
        self._depth = 1
        self._parents: dict[str, str | None] = {}
        self._spooled = {
            run_id: {"stream_leg": last.leg, "stream_position": last.stream_id, "stream_checksum": last.checksum}
            for run_id, last in capture.spool.cursors().items()
        }
        self._known: dict[str, dict[str, Any]] = {}
        self._planned_at: datetime | None = None
        self._asked: set[str] = set()

    async def rounds(self, stop: asyncio.Event) -> None:
        """Plan and search repeatedly.

        A search never waits for the warehouse, except briefly at the start and about a run that was left out.
        """
        first = asyncio.Event()
        async with asyncio.TaskGroup() as group:
            settings = self.the_pass.context.settings
            request_s = per_request_s(settings.requests_per_hour, len(settings.projects()))
            pace = Pace(settings.tail_poll_s, request_s)
            planning = group.create_task(self._planning(first))
            await _patiently(first, FIRST_PLAN_S)
            while not (stop.is_set() or self.capture.stop.is_set()):
                pages = 1
                try:
                    with self.the_pass.trying(LOOKING):
                        pages = await self._look_until(stop)
                except (Retryable, Contract) as problem:
                    self.the_pass.doubt(
                        "no_answer", f"the search for {LOOKING} failed: {problem.message}", about=LOOKING
                    )
                except TimeoutError:
                    reason = f"the search for {LOOKING} failed: the server gave no answer"
                    self.the_pass.doubt("no_answer", reason, about=LOOKING)
                await _patiently(stop, pace.after(pages))
            planning.cancel()

    async def _planning(self, first: asyncio.Event) -> None:
        """Read from the warehouse every minute what the scheduled passes found; report each problem once."""
        context = self.the_pass.context
        begun, said = False, ""
        while True:
            try:
                if not begun:
                    await asyncio.to_thread(begin, self.the_pass)
                    begun = True
                now, days = context.now(), context.settings.first_load_days
                found, others = await asyncio.to_thread(context.read, _held, context.project_id, now, days)
                self._plan(found, others, now)
                first.set()
            except UNAVAILABLE as problem:
                if isinstance(problem, Corrupt | Backwards) and problem.message != said:
                    said = problem.message
                    logging.getLogger("taskhouse").warning(
                        "%s Capture continues into the spool. %s", said, problem.hint
                    )
            await context.settings.clock.sleep(PLAN_EVERY_S)

    def _plan(self, found: OpenRuns, others: list[dict[str, Any]], now: datetime) -> None:
        """Follow what is due of the runs that the warehouse knew at a moment."""
        if self._planned_at is not None:
            self._spooled = {}
        self._known = {row["run_id"]: row for row in (*others, *found.rows)}
        self._parents |= found.parents
        self._planned_at, self._asked = now, set()
        self._follow([{**row, **self._read(row["run_id"])} for row in found.rows])

    async def _look_until(self, stop: asyncio.Event) -> int:
        """Search, and give up a few seconds after ``stop``, even if a request would wait longer.

        Raises:
            TimeoutError: It was given up.
        """
        looking, stopped = asyncio.ensure_future(self._look()), asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((looking, stopped), return_when=asyncio.FIRST_COMPLETED)
            return await asyncio.wait_for(looking, LAST_LOOK_S)
        finally:
            looking.cancel()
            stopped.cancel()

    async def _look(self) -> int:
        """Find active or just ended runs among the tasks with the newest activity; returns how many pages it read.

        It continues until a page brings no new run to follow, and the next search reads at least as many pages, because
        tasks change places meanwhile. If the server ignores the order, it lists the newest tasks first, which are most
        likely to be active; the scheduled passes find the others.
        """
        api = self.the_pass.api(Priority.LIVE)
        pages = brought = 0
        while True:
            page = await api.list_tasks(PAGE_ROWS, pages * PAGE_ROWS, ordering="-last_activity_at", **EVERYTHING)
            shown = []
            for row in page.rows:
                with contextlib.suppress(Exception):  # the scheduled pass puts it into quarantine
                    if (inner := record.latest(row)) is not None:
                        shown.append(_row(record.run_of(row.data["id"])(inner)))
            await self._ask(shown)
            rows = [{**row, **self._read(row["run_id"])} for row in shown]
            pages += 1
            begun = self._follow(rows, logs_too=False)
            brought += begun
            if (not begun and pages >= self._depth) or len(page.rows) < PAGE_ROWS:
                self._depth = pages if brought else 1
                return pages

    def _read(self, run_id: str) -> dict[str, Any]:
        """How far a run was read; until the second plan, the spool of the start is ahead of the warehouse."""
        known = {**self._known.get(run_id, {}), **self._spooled.get(run_id, {})}
        return {name: known[name] for name in _UNREAD if name in known}

    async def _ask(self, shown: list[dict[str, Any]]) -> None:
        """Ask the warehouse about runs that the plan left out and that may go on, once between two plans."""
        context = self.the_pass.context
        now, days = context.now(), context.settings.first_load_days
        asked = self._left_out(shown, now) - self._asked
        self._asked |= asked

        def ask() -> OpenRuns:
            with context.warehouse.waiting(WAIT_S).reading("reading") as connection:
                return open_runs.ask(connection, context.project_id, now, days=days, run_ids=asked)

        if asked:
            with contextlib.suppress(*UNAVAILABLE):
                found = await asyncio.to_thread(ask)
                self._parents |= found.parents
                self._known |= {row["run_id"]: row for row in found.rows if row["run_id"] in asked}

    def _left_out(self, shown: list[dict[str, Any]], now: datetime) -> set[str]:
        """Of the runs that the server shows and of those that they resumed, which ones the plan may have left out."""
        if self._planned_at is None:
            return set()
        moving = [row for row in shown if row["run_id"] not in self.capture.live and may_stream(row, now)]
        older = {row["run_id"] for row in moving if row["created_at"] <= self._planned_at}
        resumed = {row["resume_from_run_id"] for row in moving} - {None}
        return (older - self._known.keys()) | (resumed - self._parents.keys())

    def _follow(self, rows: list[dict[str, Any]], *, logs_too: bool = True) -> int:
        """Read what is due for these runs; returns how many streams are newly followed.

        Without ``logs_too``, their logs are read by the scheduled passes, and when their streams end.
        """
        for row in rows:
            if (ended := self.capture.endings.get(row["run_id"])) is not None:
                row["stream_state"], row["stream_read_at"], row["stream_since"] = ended.state, ended.at, ended.since
        context = self.the_pass.context
        settings = context.settings
        self._parents |= parents_of(rows)
        found = plan_capture(
            rows,
            context.now(),
            parents=self._parents,
            most=settings.first_load_tasks,
            days=settings.first_load_days,
            final=timedelta(seconds=settings.log_final_s),
            logs_too=logs_too,
        )
        self.capture.lost("live", found.lost_streams)
        self.capture.lost("log", found.lost_logs)
        before = len(self.capture.live)
        for run in found.streams:
            self.capture.follow(run)
        begun = len(self.capture.live) - before
        for run in found.looks:
            self.capture.follow(run, look=True)
        again = [run for run in found.first if run.run_id in self.capture.endings]  # its log could not be read then
        for run in (*found.logs, *again):
            if run.run_id not in self.capture.live:
                self.capture.drain(run)
        return begun


async def _patiently(event: asyncio.Event, seconds: float) -> None:
    """Wait for the event, up to a time limit."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


def _held(connection: Any, project_id: int, now: datetime, days: int | None) -> tuple[OpenRuns, list[dict[str, Any]]]:
    """The listed runs of which something may still be read, and how far others are read."""
    found = open_runs.ask(connection, project_id, now, days=days)
    return found, state.records(connection, "run_events/unlisted", project_id=project_id)


_UNREAD: dict[str, Any] = dict.fromkeys(
    (
        "stream_position",
        "stream_leg",
        "stream_checksum",
        "stream_state",
        "stream_read_at",
        "stream_since",
        "log_position",
        "log_state",
        "log_read_at",
        "task_seen_at",
    )
)


def _row(columns: dict[str, Any]) -> dict[str, Any]:
    """A run as the server shows it now, in the form that the plan expects, as if nothing of it were read."""
    times = {
        name: datetime.fromisoformat(columns[name]) if columns[name] else None
        for name in ("created_at", "updated_at", "completed_at")
    }
    scheduled_at = columns["scheduled_at"]
    return {
        **_UNREAD,
        **columns,
        **times,
        "scheduled_at": datetime.fromisoformat(scheduled_at) if scheduled_at else None,
        "server_changed_at": (server_changed_at := max(filter(None, times.values()))),
        "changed_at": server_changed_at,
    }
