"""One connection to a run's stream, as the frames that PostHog's server sends.

A frame is an optional ``event:`` line, an optional ``id:`` line, one ``data:`` line of JSON and a blank line, LF only;
no comments and no ``retry:``. The rules are those of the newest server (autumn 2026), confirmed by replaying recordings
of it; older habits are switches of :class:`taskhouse.emulator.streams.StreamSettings`.
"""

import asyncio
import json
import math
from collections.abc import AsyncGenerator, Coroutine
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any, Final, NamedTuple, Protocol

from taskhouse.emulator import proxy
from taskhouse.emulator.backlog import Backlog, Covered, is_stored
from taskhouse.emulator.clock import Clock
from taskhouse.emulator.streams import (
    START,
    CursorError,
    RunStream,
    StreamId,
    StreamRead,
    StreamSettings,
    StreamStore,
    parse_cursor,
)

KEEPALIVE: Final = b'event: keepalive\ndata: {"type": "keepalive"}\n\n'
ROTATED: Final = b'event: end\ndata: {"type": "rotated"}\n\n'
RESYNC: Final = b'event: end\ndata: {"type": "resync", "reason": "trimmed"}\n\n'
STREAM_END: Final = b'event: stream-end\ndata: {"status": "complete"}\n\n'

NOT_AVAILABLE: Final = "Stream not available"
READ_ERROR: Final = "Stream read error"
LOST: Final = "Connection lost to task run stream"
TOO_LONG: Final = "Stream timeout — task run took too long"

_FIRST_DELAY_US: Final = 50_000
_DELAY_STEP_US: Final = 150_000
_MAX_DELAY_US: Final = 2_000_000
_US: Final = 1_000_000
_LOST_AFTER_S: Final = 0.3
"""The time from the loss of Redis to the error."""

_STANDING_S: Final = 0.25
"""Real seconds between keepalives while the clock stands: no reader could know otherwise that the store answers."""


class Run(Protocol):
    """What the stream endpoint knows of the run; it is looked at once, when the connection opens."""

    @property
    def id(self) -> str:
        """The run's id."""
        ...

    def is_terminal(self) -> bool:
        """Whether the run is completed, failed or cancelled."""
        ...

    def state_frame(self) -> str:
        """The run as the JSON text of a `task_run_state` event, printed as the server prints it."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Mode:
    """How a run's stream is served on this connection.

    Attributes:
        backlog: A thin-tail run's log, None on other runs.
        gated: Whether the run is presence-gated: nobody waits for its stream.
        proxied: Whether this is the agent proxy's leg.
        resync: Whether the reader asked to be told that its cursor was trimmed away.
    """

    backlog: Backlog | None = None
    gated: bool = False
    proxied: bool = False
    resync: bool = False


PLAIN: Final = Mode()


class _Step(NamedTuple):
    """Frames to send, then perhaps a closing frame; an empty closing frame ends the connection silently."""

    frames: list[bytes]
    closing: bytes | None = None


_NOTHING: Final = _Step([])


def error_frame(message: str) -> bytes:
    """The frame that ends a connection with ``message``."""
    return f"event: error\ndata: {json.dumps({'error': message})}\n\n".encode()


async def frames(
    store: StreamStore,
    run: Run,
    *,
    last_event_id: str | None,
    start_latest: bool,
    clock: Clock,
    settings: StreamSettings | None = None,
    mode: Mode = PLAIN,
) -> AsyncGenerator[bytes, None]:
    """Yield the chunks of one connection, one frame each; the end of the iterator is the server closing it.

    ``last_event_id`` is the header's text (None or empty: none); ``start_latest`` says that the query held
    ``start=latest``, exactly. It never raises for what a client sent: a bad cursor is an ``error`` frame.
    ``settings`` default to the store's. Close it with ``aclose()`` when the client goes away.
    """
    settings = settings or store.settings
    if mode.proxied:
        settings = replace(settings, wait_s=settings.proxy_wait_s)
    await store.answering()
    connection = _Connection(store, store.stream(run.id), clock, settings, mode)
    connection.stream.attach(connection.opened_us // 1000)
    try:
        step = connection.replay(last_event_id) if mode.backlog is not None and not start_latest else _NOTHING
        if step.closing is None:
            async with aclosing(_appearance(connection, run, step.frames)) as waiting:
                async for frame in waiting:
                    yield frame
            if connection.closed:
                return
            step = connection.begin(last_event_id, start_latest=start_latest)
        while step.closing is None:
            step = connection.shown(await connection.step())
            chunks = [b"".join(step.frames)] if settings.coalesce_chunks and step.frames else step.frames
            for chunk in chunks:
                yield chunk
                if connection.outlived():
                    yield connection.as_sent(ROTATED)
                    return
        if step.closing:
            yield connection.as_sent(step.closing)
    finally:
        connection.stream.detach(connection.opened_us // 1000, clock.now_ms())


async def _appearance(connection: "_Connection", run: Run, first: list[bytes]) -> AsyncGenerator[bytes, None]:
    """What comes ``first``, then wait until the run has a stream: keepalives, or what closes the connection."""
    settings, clock, mode = connection.settings, connection.clock, connection.mode
    terminal = run.is_terminal()
    for frame in first:
        yield frame
        if connection.outlived():
            connection.closed = True
            yield ROTATED
            return
    delay_us = _FIRST_DELAY_US
    kept_us = connection.opened_us
    while not connection.stream.exists(clock.now_ms()) and not (mode.gated and not terminal):
        if not await connection.store.answering():
            break
        if terminal and settings.drained:
            connection.closed = True
            if not mode.proxied:
                yield f"data: {run.state_frame()}\n\n".encode()
            yield connection.as_sent(STREAM_END)
            return
        connection.waited = True
        now_us = clock.now_us()
        if now_us - connection.opened_us >= settings.wait_s * _US:
            connection.closed = True
            yield connection.as_sent(error_frame(NOT_AVAILABLE))
            return
        if now_us - kept_us >= settings.keepalive_s * _US:
            kept_us = now_us
            yield connection.as_sent(KEEPALIVE)
        if await _stood(clock, clock.sleep(delay_us / _US)) and connection.store.redis == "up":
            yield connection.as_sent(KEEPALIVE)
        delay_us = min(delay_us + _DELAY_STEP_US, _MAX_DELAY_US)


async def _stood(clock: Clock, wait: Coroutine[Any, Any, object]) -> bool:
    """Whether the clock stood still while somebody waited, for as long as a reader should."""
    try:
        async with asyncio.timeout(None if clock.speed else _STANDING_S):
            await wait
    except TimeoutError:
        return True
    return False


class _Connection:
    """A reader's place in the stream and the times that it keeps."""

    def __init__(
        self, store: StreamStore, stream: RunStream, clock: Clock, settings: StreamSettings, mode: Mode
    ) -> None:
        self.store = store
        self.stream = stream
        self.clock = clock
        self.settings = settings
        self.mode = mode
        self.opened_us = clock.now_us()
        self.waited = False
        self.closed = False
        self._cursor = START
        self._refused = False
        self._covered: Covered | None = None
        self._replayed = False
        self._began_us = self._sent_us = self.opened_us

    def replay(self, cursor: str | None) -> _Step:
        """What of a thin-tail run's log comes first; with it the cursor is used up."""
        backlog = self.mode.backlog
        if backlog is None or is_stored(cursor, self.stream, self.clock.now_ms()):
            return _NOTHING
        if backlog.trouble is not None:
            return _Step([], error_frame(backlog.trouble))
        self._replayed = True
        frames, self._covered = backlog.replay(cursor)
        return _Step(frames)

    def begin(self, last_event_id: str | None, *, start_latest: bool) -> _Step:
        """Choose where to read from: the cursor, else the newest entry if asked for and present, else the oldest.

        A trimmed cursor closes the connection if the reader asked for that, but not if the stream had to be waited for.
        """
        self._began_us = self._sent_us = self.clock.now_us()
        if self._replayed:
            return _NOTHING
        if last_event_id:
            try:
                self._cursor = self._resumed(last_event_id)
            except CursorError:
                self._refused = True
        elif start_latest and not self.waited:
            self._cursor = self.stream.newest(self.clock.now_ms())
        oldest = self.stream.oldest(self.clock.now_ms())
        trimmed = oldest is not None and START < self._cursor < oldest
        return _Step([], RESYNC) if self.mode.resync and trimmed and not self.waited else _NOTHING

    def _resumed(self, cursor: str) -> StreamId:
        """Where a cursor leads that Redis reads: ``$`` is the newest entry, ``+`` the place in front of it."""
        now_ms = self.clock.now_ms()
        if cursor == "$":
            return self.stream.newest(now_ms)
        return self.stream.before_newest(now_ms) if cursor == "+" else parse_cursor(cursor)

    def outlived(self) -> bool:
        """Whether the connection has reached its cap; asked only after something was sent."""
        settings = self.settings
        return settings.rotation and self.clock.now_us() - self.opened_us >= settings.rotation_s * _US

    def shown(self, step: _Step) -> _Step:
        """The step without what is hidden and the live entries that the log covered, in this leg's writing."""
        frames = [frame for frame in step.frames if frame]
        if self._covered is not None:
            frames = [frame for frame in frames if frame not in self._covered]
        if self.mode.proxied:
            frames = [sent for frame in frames if (sent := proxy.shown(frame))]
        return step._replace(frames=frames)

    def as_sent(self, frame: bytes) -> bytes:
        """A frame of the server's own in this leg's writing."""
        return proxy.shown(frame) if self.mode.proxied else frame

    async def step(self) -> _Step:
        """Wait for the next batch, a keepalive or the end."""
        if self._refused:
            return _Step([], error_frame(READ_ERROR))
        while self.clock.now_us() - self._began_us <= self.settings.connection_s * _US:
            if not await self.store.answering():
                await self.clock.sleep(_LOST_AFTER_S)
                return _Step([], error_frame(LOST))
            batch = await self._xread()
            now_us = self.clock.now_us()
            if batch.frames or batch.closed:
                self._cursor = batch.last
                if batch.frames:
                    self._sent_us = now_us
                return _Step(batch.frames, self._closing(batch))
            due = batch.stood or now_us - self._sent_us >= self.settings.keepalive_s * _US
            if self.store.redis == "up" and due:
                self._sent_us = now_us
                return _Step([KEEPALIVE])
        return _Step([], error_frame(TOO_LONG) if self.settings.end_marker else b"")

    async def _xread(self) -> StreamRead:
        """Read as blocking XREADs do: what follows the cursor, or nothing after as many ``block_s`` as are idle."""
        settings, clock = self.settings, self.clock
        now_us = clock.now_us()
        idle_s = settings.keepalive_s - (now_us - self._sent_us) / _US
        left_s = min(idle_s, settings.connection_s - (now_us - self._began_us) / _US)
        until_us = now_us + max(1, math.ceil(left_s / settings.block_s)) * round(settings.block_s * _US)
        # Redis is a round trip away: a long replay lets the other connections have their turn.
        await asyncio.sleep(0)
        while True:
            batch = self.stream.read(self._cursor, settings.batch, clock.now_ms())
            left_us = until_us - clock.now_us()
            if batch.frames or batch.closed or left_us <= 0 or self.store.redis != "up":
                return batch
            if await _stood(clock, clock.wait_for(self.stream.changed(), left_us / _US)):
                return batch._replace(stood=True)

    def _closing(self, batch: StreamRead) -> bytes | None:
        if batch.closed is None:
            return None
        if batch.closed == "complete":
            return STREAM_END if self.settings.end_marker else b""
        return error_frame(batch.error)
