"""Faults of the wire: aborts, stalls and cuts in the middle of a body."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from taskhouse.emulator.connection import abort

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

    from taskhouse.emulator.faults.fault import App, Fault

_STREAM_BYTES: Final = 200
_FRAME_END: Final = b"\n\n"


class CutError(Exception):
    """Unwinds the application after its response was cut."""


async def cuttable(app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Run the application; being cut is a normal end."""
    try:
        await app(scope, receive, send)
    except CutError:
        return
    except BaseExceptionGroup as group:
        if group.subgroup(CutError) is None:
            raise


def _half(message: Message, fault: Fault) -> int:
    """After how many bytes of the body the fault strikes: as asked, else half, else some."""
    if fault.get("after_bytes", None) is not None:
        return fault.number("after_bytes", 0)
    lengths = [value for name, value in message.get("headers", ()) if name.lower() == b"content-length"]
    return int(lengths[0]) // 2 if lengths else _STREAM_BYTES


async def reset(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Abort the connection in the middle of the body."""

    async def strike() -> None:
        await abort(scope)
        raise CutError

    await _interrupted(fault, app, (scope, receive, send), strike)


async def stall(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Fall silent for ``seconds`` real seconds in the middle of the body, then go on."""

    async def strike() -> None:
        await asyncio.sleep(float(fault.get("seconds", 1)))

    await _interrupted(fault, app, (scope, receive, send), strike)


async def _interrupted(fault: Fault, app: App, asgi: tuple[Scope, Receive, Send], strike: Any) -> None:
    scope, receive, send = asgi
    left = -1
    struck = False

    async def watched(message: Message) -> None:
        nonlocal left, struck
        if message["type"] == "http.response.start":
            left = _half(message, fault)
        elif not struck:
            body = message.get("body", b"")
            if len(body) >= left:
                struck = True
                await send({"type": "http.response.body", "body": body[:left], "more_body": True})
                await strike()
                message = {**message, "body": body[left:]}
            left -= len(body)
        await send(message)

    await cuttable(app, scope, receive, watched)


async def cut_frame(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """End a stream in the middle of its frame number ``after_frames``: a reset, or with ``clean`` a proper end."""
    frames = fault.number("after_frames", 2)

    async def watched(message: Message) -> None:
        nonlocal frames
        body = message.get("body", b"")
        if message["type"] == "http.response.body" and body.count(_FRAME_END) > frames:
            whole = _FRAME_END.join(body.split(_FRAME_END)[:frames]) + _FRAME_END if frames else b""
            frame = body[len(whole) :].split(_FRAME_END)[0]
            clean = bool(fault.get("clean", False))
            part = whole + frame[: len(frame) // 2]
            await send({"type": "http.response.body", "body": part, "more_body": not clean})
            if not clean:
                await abort(scope)
            raise CutError
        frames -= body.count(_FRAME_END)
        await send(message)

    await cuttable(app, scope, receive, watched)


async def delay(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Wait ``seconds`` real seconds before anything is answered."""
    await asyncio.sleep(float(fault.get("seconds", 1)))
    await app(scope, receive, send)
