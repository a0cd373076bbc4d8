"""Faults of an event stream, frame by frame: an end out of nowhere, repeats, disorder, borrowed ids, odd chunks.

They strike a stream that was answered with 200; its other answers pass as they are.
"""

from __future__ import annotations

import json
from functools import partial
from typing import TYPE_CHECKING, Final

from taskhouse.emulator.api.stream import BACKLOG
from taskhouse.emulator.backlog import BUSY, UNAVAILABLE
from taskhouse.emulator.connection import abort
from taskhouse.emulator.faults.wire import CutError, cuttable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from starlette.types import Message, Receive, Scope, Send

    from taskhouse.emulator.faults.fault import App, Fault

    Kind = Callable[[Fault, App, Scope, Receive, Send], Awaitable[None]]

_END: Final = b"\n\n"


class Frames:
    """What a fault makes of a stream's frames. ``number`` frames have passed; the one at ``strike`` is hit.

    ``turned`` gives what is sent in a frame's place, and may set ``over``: then the connection ends, properly or, with
    ``reset``, torn down. ``left`` gives what is still held back when the stream ends by itself.
    """

    def __init__(self, fault: Fault) -> None:
        self.fault = fault
        self.number = 0
        self.strike = fault.number("after_frames", 2)
        self._rest = b""
        self.over = False
        self.reset = False
        self.done = False

    def turned(self, frame: bytes) -> bytes:
        """The bytes in place of a frame."""
        return frame

    def left(self) -> bytes:
        """The bytes that are still held back."""
        return b""

    def due(self, frame: bytes) -> bool:
        """Whether this is the event to hit: the first one, not before its turn."""
        return not self.done and self.number >= self.strike and frame.startswith(b"id: ")

    def taken(self, body: bytes, *, last: bool) -> bytes:
        """The bytes in place of a piece of the stream; what is no whole frame yet waits for the next piece."""
        *whole, self._rest = (self._rest + body).split(_END)
        sent = b""
        for frame in whole:
            sent += self.turned(frame + _END)
            self.number += 1
            if self.over:
                return sent
        return sent + self.left() + self._rest if last else sent


class Eof(Frames):
    """The connection ends properly after the given number of frames, without a word."""

    def turned(self, frame: bytes) -> bytes:
        """Nothing, once it is time."""
        self.over = self.number >= self.strike
        return b"" if self.over else frame


class ErrorFrame(Frames):
    """An ``error`` frame that the next connection does not meet again; with ``message``."""

    def turned(self, frame: bytes) -> bytes:
        """The error in place of the frame."""
        self.over = self.number >= self.strike
        said = json.dumps({"error": self.fault.get("message", "Connection lost to task run stream")})
        return f"event: error\ndata: {said}\n\n".encode() if self.over else frame


class NamedFrame(Frames):
    """A frame of a ``name`` (``run``) that no client of the tasks API knows, with ``data``, in front of another."""

    def turned(self, frame: bytes) -> bytes:
        """The frame, behind the named one when it is time."""
        if self.done or self.number < self.strike:
            return frame
        self.done = True
        data = json.dumps(self.fault.get("data", {"type": "run", "status": "in_progress"}))
        return f"event: {self.fault.get('name', 'run')}\ndata: {data}\n\n".encode() + frame


class DuplicateId(Frames):
    """One event comes twice, the same in everything."""

    def turned(self, frame: bytes) -> bytes:
        """The frame, twice if it is the one."""
        if not self.due(frame):
            return frame
        self.done = True
        return frame * 2


class ReorderedId(Frames):
    """Two neighbouring events change places."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self._held = b""

    def turned(self, frame: bytes) -> bytes:
        """Nothing for the first of the two, both for the second."""
        if self._held:
            held, self._held = self._held, b""
            return frame + held if frame.startswith(b"id: ") else held + frame
        if not self.due(frame):
            return frame
        self.done, self._held = True, frame
        return b""

    def left(self) -> bytes:
        """The first, if there was no second."""
        return self._held


class ReusedId(Frames):
    """One event carries the id of the event before it, and another text."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self._before = b""

    def turned(self, frame: bytes) -> bytes:
        """The frame under the borrowed id if it is the one."""
        line, _, rest = frame.partition(b"\n")
        if self._before and self.due(frame):
            self.done = True
            return self._before + b"\n" + rest
        if line.startswith(b"id: "):
            self._before = line
        return frame


class CutCharacter(Frames):
    """The connection breaks off inside a character of several bytes; ``clean`` gives it a proper end."""

    def turned(self, frame: bytes) -> bytes:
        """Half of the first such character, and what comes before it."""
        at = next((at for at, byte in enumerate(frame) if byte > 0x7F), None)  # noqa: PLR2004 - the end of ASCII
        if self.number < self.strike or at is None:
            return frame
        self.over, self.reset = True, not self.fault.get("clean", False)
        return frame[: at + 1]


class Dribble(Frames):
    """The stream comes in pieces of ``bytes`` (7), wherever that cuts."""


def framewise(make: Callable[[Fault], Frames]) -> Kind:
    """A kind of fault from what it makes of the frames."""
    return partial(_framewise, make)


async def _framewise(
    make: Callable[[Fault], Frames], fault: Fault, app: App, scope: Scope, receive: Receive, send: Send
) -> None:
    frames = make(fault)
    piece = fault.number("bytes", 7) if isinstance(frames, Dribble) else 0
    applies = False

    async def sent(body: bytes, *, more: bool) -> None:
        step = piece or max(len(body), 1)
        for at in range(0, len(body), step):
            await send({"type": "http.response.body", "body": body[at : at + step], "more_body": True})
        if not more:
            await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def watched(message: Message) -> None:
        nonlocal applies
        if message["type"] == "http.response.start":
            kind = dict(message["headers"]).get(b"content-type", b"")
            applies = message["status"] == 200 and kind.startswith(b"text/event-stream")  # noqa: PLR2004
        if not applies or message["type"] != "http.response.body":
            await send(message)
            return
        more = bool(message.get("more_body", False))
        body = frames.taken(message.get("body", b""), last=not more)
        await sent(body, more=more and not (frames.over and not frames.reset))
        if frames.over:
            if frames.reset:
                await abort(scope)
            raise CutError

    await cuttable(app, scope, receive, watched)


async def backlog(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Let a thin-tail run's log be ``busy`` (the ``state``) or ``unavailable`` for this connection."""
    trouble = BUSY if fault.get("state", "busy") == "busy" else UNAVAILABLE
    await app({**scope, BACKLOG: trouble}, receive, send)
