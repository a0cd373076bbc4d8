"""HTTP/1.1 over asyncio, with full power over what reaches the socket, faults included."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import parse_qs, urlsplit


@dataclass(slots=True)
class Request:
    """What a client asks."""

    method: str
    path: str
    target: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes


@dataclass(slots=True)
class Hurt:
    """What befalls an answer on its way."""

    delay: float = 0.0
    cut: float | None = None
    reset: bool = False
    dribble: bool = False


@dataclass(slots=True)
class Response:
    """What the server answers: a body, or the pieces of one as they come."""

    status: int
    body: bytes | AsyncIterator[bytes] = b""
    headers: dict[str, str] = field(default_factory=dict)
    hurt: Hurt = field(default_factory=Hurt)


class Broken(Exception):
    """The answer ends here, as if the network had failed."""


Handler = Callable[[Request], Awaitable[Response]]


async def _read(reader: asyncio.StreamReader) -> Request | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    line, *rest = head.split("\r\n")
    method, target, _ = line.split(" ")
    headers = {name.strip().lower(): value.strip() for name, _, value in (item.partition(":") for item in rest if item)}
    body = await reader.readexactly(int(headers.get("content-length", "0")))
    parts = urlsplit(target)
    query = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    return Request(method, parts.path, target, query, headers, body)


def _head(response: Response, length: int | None) -> bytes:
    headers = {"content-type": "application/json", **response.headers}
    headers |= {"transfer-encoding": "chunked"} if length is None else {"content-length": str(length)}
    text = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"HTTP/1.1 {response.status} {HTTPStatus(response.status).phrase}\r\n{text}\r\n".encode("latin-1")


async def _plain(writer: asyncio.StreamWriter, response: Response, body: bytes) -> None:
    writer.write(_head(response, len(body)))
    cut = response.hurt.cut
    sent = body if cut is None else body[: int(len(body) * cut)]
    step = max(1, len(sent) // 7) if response.hurt.dribble else max(1, len(sent))
    for start in range(0, len(sent), step):
        writer.write(sent[start : start + step])
        await writer.drain()
        await asyncio.sleep(0.005 if response.hurt.dribble else 0)
    if cut is not None:
        raise Broken


async def _chunked(writer: asyncio.StreamWriter, response: Response, pieces: AsyncIterator[bytes]) -> None:
    writer.write(_head(response, None))
    await writer.drain()
    async for piece in pieces:
        if piece:
            writer.write(b"%x\r\n%s\r\n" % (len(piece), piece))
            await writer.drain()
    writer.write(b"0\r\n\r\n")
    await writer.drain()


def _break(writer: asyncio.StreamWriter, *, reset: bool) -> None:
    found: socket.socket | None = writer.get_extra_info("socket")
    if reset and found is not None:
        with contextlib.suppress(OSError):
            found.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort() if reset else writer.close()


async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, handler: Handler) -> None:
    """Answer the requests of one connection until it ends."""
    try:
        while (request := await _read(reader)) is not None:
            response = await handler(request)
            await asyncio.sleep(response.hurt.delay)
            if response.hurt.reset and response.hurt.cut is None:
                _break(writer, reset=True)
                return
            try:
                if isinstance(response.body, bytes):
                    await _plain(writer, response, response.body)
                else:
                    await _chunked(writer, response, response.body)
            except Broken:
                _break(writer, reset=response.hurt.reset)
                return
    except (ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        pass  # the client went, or the world ends
    finally:
        writer.close()
