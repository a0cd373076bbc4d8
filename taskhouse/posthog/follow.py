"""One run's stream, followed across its connections until it has an ending.

The decisions are in ``reconnect_policy``; this is the shell that connects, reads and waits. Only the ``event:`` line
decides what a frame is, since the data of an ordinary event may look like a control frame (API facts 5.8); frames with
a name that is not known are no events, and are counted. The cursor is the last id that came; frames without one leave
it alone.

An ``end`` frame says by its ``type`` why the connection ends (API facts 5.2). On ``resync`` the cursor is dropped, and
the batch that says so names it: the caller reads the log before asking for the next batch.

Ids mean something only within the leg that gave them, so every batch names its leg; which one a connection takes is
the business of ``stream_route``.
"""

import asyncio
import json
import re
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from http import HTTPStatus
from types import MappingProxyType

from taskhouse.clock import Clock
from taskhouse.errors import AccessDenied, Contract, NotFound, Refused, Retryable, TaskhouseError
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.budget import Priority
from taskhouse.posthog.cancellable_wait import Patience, Stopped
from taskhouse.posthog.http_errors import TRY_AGAIN, clean
from taskhouse.posthog.opening import Opening
from taskhouse.posthog.pages import Row
from taskhouse.posthog.reconnect_policy import TERMINAL, Contact, End, Exhausted, FollowPolicy, Reconnect
from taskhouse.posthog.retry import Sleep
from taskhouse.posthog.sse import Frame, FrameDecoder, Oversize
from taskhouse.posthog.stream_route import DJANGO, Legs

_CONTROL = {"keepalive": None, "end": End.ROTATED, "stream-end": End.STREAM_END, "error": End.ERROR}
_EVENTS = frozenset({"", "message"})
_NAME = 40
_NONE: Mapping[str, int] = MappingProxyType({})
_UNAVAILABLE = "Stream not available"
_REDIS_ID = re.compile("[0-9]+(-[0-9]+)?")


class Ending(StrEnum):
    """Why a follower ended.

    ``STREAM_END``: the server closed the stream for good. ``TERMINAL_WITHOUT_STREAM``: the run is over and its stream
    is missing, or will bring nothing more. ``ERROR_BUDGET``: errors or broken connections in a row. ``NOT_FOUND``: the
    run does not exist or may not be seen. ``REFUSED``: the key may not read this one run. ``STOPPED``: the caller asked
    for it.
    """

    STREAM_END = "stream_end"
    TERMINAL_WITHOUT_STREAM = "terminal_without_stream"
    ERROR_BUDGET = "error_budget"
    NOT_FOUND = "not_found"
    REFUSED = "refused"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class StreamBatch:
    """Events of one read, or a note about the connection; the last batch alone has an ``ending``.

    Attributes:
        frames: Events in order, with their own ids; ``Oversize`` stands for one too large to keep.
        cursor: The last id that came so far on this leg, to resume after once the events are safe.
        leg: Whose ids these are, ``django`` or ``proxy``.
        note: What happened, for people.
        ending: Set on the last batch.
        run: The run as it was asked for, where its status decided something.
        opening: How the connection began that brought the events or that a note is about; None if none was opened.
        trimmed: The cursor that the server announced to be trimmed away; the next connection is opened without one.
        unknown: Frames that were ignored, counted by name; ``end <type>`` is one that ended the connection like a
            rotation.
    """

    frames: list[Frame | Oversize]
    cursor: str | None
    leg: str = DJANGO
    note: str = ""
    ending: Ending | None = None
    run: Row | None = None
    opening: Opening | None = None
    trimmed: str | None = None
    unknown: Mapping[str, int] = field(default_factory=lambda: _NONE)


def follow(
    api: TasksApi,
    task_id: str,
    run_id: str,
    *,
    cursor: str | None = None,
    leg: str = DJANGO,
    failed: bool = False,
    policy: FollowPolicy | None = None,
    stop: asyncio.Event | None = None,
    sleep: Sleep | None = None,
    on_open: Callable[[Opening], None] = lambda _: None,
    is_same: Callable[[Frame], bool] = lambda _: True,
) -> AsyncGenerator[StreamBatch, None]:
    """Follow a run's stream; to leave early, set ``stop`` or close the generator (``contextlib.aclosing``).

    Args:
        api: The project's endpoints; every connection is paid as ``Priority.LIVE``.
        task_id: The run's task.
        run_id: The run.
        cursor: Id to resume strictly after; None replays what the server still has.
        leg: The leg that gave the cursor; on the other one it is not used.
        failed: Whether the follower before ended with ``ERROR_BUDGET``; then the first error that comes before an
            event ends this one, too.
        policy: How patient to be.
        stop: Ends the follower as soon as it is set.
        sleep: Waits between connections; as the client waits unless another is given.
        on_open: Called with every connection that was answered with a stream.
        is_same: Whether an event that came under the id of the last one that was read is that one. A Redis that was set
            back may give its ids once more.

    Raises:
        AccessDenied: The key is invalid, lacks a scope or the project.
        Permanent: The server refuses the request.
    """
    policy = policy or FollowPolicy()
    contact = Contact(policy, errors=policy.errors - 1 if failed else 0)
    legs = Legs(api.at(Priority.LIVE), task_id, run_id, leg, {leg: cursor}, policy.proxy)
    client = api.client
    return _Follower(
        legs, policy, Patience(stop), sleep or client.pause, client.clock, contact, on_open, is_same
    ).batches()


@dataclass(slots=True)
class _Follower:
    legs: Legs
    policy: FollowPolicy
    patience: Patience
    sleep: Sleep
    clock: Clock
    contact: Contact
    on_open: Callable[[Opening], None]
    is_same: Callable[[Frame], bool]
    seen_data: bool = False
    heard: bool = False
    last_look: bool = False
    refused_cursor: bool = False
    wait_s: float = 0.0
    # how the last connection began and ended
    opening: Opening | None = None
    end: End = End.BROKEN
    lived_s: float = 0.0
    asked_s: float | None = None
    why: str = field(default="")
    trimmed: str | None = None
    unknown: Counter[str] = field(default_factory=Counter)

    async def batches(self) -> AsyncGenerator[StreamBatch, None]:
        try:
            while True:
                try:
                    async with aclosing(self._connection()) as received:
                        async for batch in received:
                            yield batch
                except AccessDenied as denied:
                    raise await self._meant(denied) from None
                outcome = await self._outcome()
                yield outcome
                if outcome.ending is not None:
                    return
                await self.patience.wait(_coroutine(self.sleep, self.wait_s))
        except Stopped:
            last = self._batch("the caller stopped", ending=Ending.STOPPED)
        except NotFound as gone:
            last = self._batch(gone.message, ending=Ending.NOT_FOUND)
        except Refused as refused:
            last = self._batch(refused.message, ending=Ending.REFUSED)
        finally:
            self.patience.close()
        yield last

    async def _connection(self) -> AsyncGenerator[StreamBatch, None]:
        """Events of one connection; afterwards ``end`` and its company say how it ended."""
        self.contact.connected()
        self.heard = False
        self.end, self.lived_s, self.asked_s, self.why = End.BROKEN, 0.0, None, ""
        self.opening = None
        decoder = FrameDecoder(self.policy.max_frame)
        try:
            async with AsyncExitStack() as stack:
                opening = self.legs.open(self.policy.watchdog_s)
                connection = await self.patience.wait(stack.enter_async_context(opening))
                if connection.status != HTTPStatus.OK or not connection.event_stream:
                    error, self.asked_s = await self.patience.wait(connection.refused(), self.policy.watchdog_s)
                    if connection.status not in TRY_AGAIN:
                        self.heard = True
                        self.legs.gate.answered()
                    raise Retryable(error.message) if self.legs.refused(connection.status) else error
                self.legs.gate.answered()
                chunks = await stack.enter_async_context(aclosing(connection.chunks()))
                began = self.clock.monotonic()
                overlaps = self.legs.overlap is not None
                gate = self.legs.gate
                opened = Opening(
                    self.legs.cursor,
                    connection.date,
                    self.clock,
                    quiet_since=began,
                    overlaps=overlaps,
                    signs=lambda: gate.signs,
                )
                self.opening = opened
                self.on_open(opened)
                self.end = End.SILENT
                while (chunk := await self.patience.wait(_next(chunks), self.policy.watchdog_s)) is not None:
                    self.lived_s = self.clock.monotonic() - began
                    if not self.heard:
                        self.heard = True
                        self.legs.gate.succeeded()
                    frames = decoder.feed(chunk)
                    events, closed = self._sort(frames)
                    only_control = bool(frames) and not events and not decoder.is_amid_frame
                    opened.heard(None if only_control else self.clock.monotonic())
                    if events:
                        yield StreamBatch(events, self.legs.cursor, self.legs.leg, opening=opened)
                    if closed is not None:
                        self.end = closed
                        return
                self.end = End.EOF
        except Retryable as broken:
            self.end, self.why = End.BROKEN, broken.message
        except TimeoutError:
            self.why = f"nothing came for {self.policy.watchdog_s:g} seconds"
        if self.end in {End.BROKEN, End.SILENT} and not self.heard:
            self.legs.gate.failed(self.legs.run_id, self.asked_s)

    def _sort(self, frames: list[Frame | Oversize]) -> tuple[list[Frame | Oversize], End | None]:
        """The events among the frames, and how the connection ends if one of them says so."""
        events = [frame for frame in frames if type(frame) is Oversize or not frame[0]]
        if frames:
            self.legs.heard(frames)
        closed: End | None = None
        if len(events) < len(frames):
            events, closed = self._control(frames)
        if events and (opening := self.opening) is not None and opening.overlaps and opening.joined is None:
            again = events[0] if events[0].id == opening.after else None
            opening.joined = again is not None and (isinstance(again, Oversize) or self.is_same(again))
            del events[: opening.joined]
        if events:
            self.contact.data()
            self.seen_data, self.last_look = True, False
            cursor = self.legs.cursor
            self.legs.moved(next((frame.id for frame in reversed(events) if _resumable(frame.id)), cursor))
        return events, closed

    def _control(self, frames: list[Frame | Oversize]) -> tuple[list[Frame | Oversize], End | None]:
        events: list[Frame | Oversize] = []
        for frame in frames:
            if isinstance(frame, Oversize) or frame.event in _EVENTS:
                events.append(frame)
                continue
            if frame.event not in _CONTROL:
                self.unknown[clean(frame.event)[:_NAME]] += 1
                continue
            closed = self._end(frame.data) if frame.event == "end" else _CONTROL[frame.event]
            if closed is End.ERROR:
                self.why = _error_text(frame.data)
            if closed is not None:
                return events, closed
            self.contact.keepalive()
            if self.last_look and not events and not self.contact.data_here:
                return events, End.ROTATED
        return events, None

    def _end(self, data: bytes) -> End:
        """Why the server closes a connection by an ``end`` frame; for a reason that is not known, a rotation."""
        said = _said(data)
        kind = said.get("type") if isinstance(said, dict) else None
        if kind == "resync" and self.legs.cursor is not None:
            return End.RESYNC
        if kind != "rotated":
            self.unknown[f"end {clean(str(kind))[:_NAME]}"] += 1
        return End.ROTATED

    async def _outcome(self) -> StreamBatch:
        """What the connection's end leads to."""
        if self.opening is not None:
            self.opening.ended(self.clock.monotonic(), said=self.end not in {End.BROKEN, End.SILENT})
        if self.end is End.RESYNC:
            self.trimmed = self.legs.cursor
            self.legs.moved(None)
        note = f"{self.end.value}: {self.why}" if self.why else self.end.value
        if self.end is End.STREAM_END:
            return self._batch(note, ending=Ending.STREAM_END)
        if self.last_look and not self.contact.data_here and self.end in {End.EOF, End.ROTATED, End.ERROR}:
            return self._batch(f"{note}; nothing more comes", ending=Ending.TERMINAL_WITHOUT_STREAM)
        if self._cursor_refused():
            note += f"; {self.legs.cursor} is no cursor for this run, and all that the server still has is read"
            self.refused_cursor, self.wait_s = True, 0.0
            self.legs.moved(None)
            return self._batch(note)
        step = self._step()
        missing = self.end is End.ERROR and self.why == _UNAVAILABLE and not self.contact.data_here
        run: Row | None = None
        if isinstance(step, Exhausted) or step.check or missing:
            run = await self._run()
            note += f"; the run is {clean(str(run.data.get('status')))}" if run else "; the run could not be asked for"
        over = run is not None and run.data.get("status") in TERMINAL
        barren = isinstance(step, Exhausted) and self.end is End.ERROR and not self.seen_data
        if over and (missing or barren):
            return self._batch(note, ending=Ending.TERMINAL_WITHOUT_STREAM, run=run)
        if isinstance(step, Exhausted):
            return self._batch(f"{note}; {step.reason}", ending=Ending.ERROR_BUDGET, run=run)
        self.last_look = self.last_look or over
        self.wait_s = step.wait_s
        return self._batch(note, run=run)

    def _step(self) -> Reconnect | Exhausted:
        if self.end is End.RESYNC:
            return self.contact.resynced()
        return self.contact.ended(self.end, lived_s=self.lived_s, asked_s=self.asked_s, shared=self.legs.gate.open)

    def _cursor_refused(self) -> bool:
        """Whether an error may be the cursor's fault, for the first time: Redis takes its own alone (API facts 5.3)."""
        cursor = self.legs.cursor
        fault = cursor is not None and not _REDIS_ID.fullmatch(cursor)
        return fault and self.end is End.ERROR and not self.contact.data_here and not self.refused_cursor

    async def _meant(self, denied: AccessDenied) -> TaskhouseError:
        """Whom a stream's 403 is about. Its body does not say (API facts 9.2), and the run's own does."""
        if denied.about_key:
            return denied
        try:
            await self.patience.wait(self.legs.api.run(self.legs.task_id, self.legs.run_id))
        except (AccessDenied, Refused, NotFound, Retryable) as meant:
            return meant
        except Contract:
            pass  # an answer about the run, with any status
        return Refused(denied.message)

    async def _run(self) -> Row | None:
        try:
            return await self.patience.wait(self.legs.api.run(self.legs.task_id, self.legs.run_id))
        except (Retryable, Contract):
            return None

    def _batch(self, note: str, *, ending: Ending | None = None, run: Row | None = None) -> StreamBatch:
        trimmed, self.trimmed = self.trimmed, None
        unknown, self.unknown = self.unknown, Counter()
        return StreamBatch(
            [],
            self.legs.cursor,
            self.legs.leg,
            note=note,
            ending=ending,
            run=run,
            opening=self.opening,
            trimmed=trimmed,
            unknown=unknown,
        )


async def _next(chunks: AsyncGenerator[bytes, None]) -> bytes | None:
    return await anext(chunks, None)


async def _coroutine(sleep: Sleep, seconds: float) -> None:
    await sleep(seconds)


def _resumable(own: str | None) -> bool:
    """Whether an id can stand in a header; one that cannot is an event's, but no cursor."""
    return bool(own) and own is not None and own.isprintable() and own == own.strip()


def _error_text(data: bytes) -> str:
    said = _said(data)
    if said is None:
        return clean(data[:1000].decode("utf-8", "replace"))
    if isinstance(said, dict):
        said = said.get("error") or said.get("errorMessage") or said
    return clean(said if isinstance(said, str) else json.dumps(said))


def _said(data: bytes) -> object:
    """What the data of a control frame says; None if it is no JSON."""
    try:
        return json.loads(data)
    except (ValueError, RecursionError):
        return None
