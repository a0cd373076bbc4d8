"""Answers that are too much: a body of hundreds of megabytes, a small one that unpacks to it, endless nesting.

Each is a true answer in JSON that any parser of enough patience reads; only a limit refuses it.
"""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

from taskhouse.emulator.faults.bodies import put, rewritten

if TYPE_CHECKING:
    from collections.abc import Iterator

    from starlette.types import Receive, Scope, Send

    from taskhouse.emulator.faults.fault import App, Fault

BYTES: Final = 500_000_000
_STEP: Final = 1 << 20
_SPACES: Final = b" " * _STEP
_GZIP: Final = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
_RAW: Final = -zlib.MAX_WBITS


async def large(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """The answer with white space after its first character, up to ``bytes``; sent in pieces and never held."""
    size = fault.number("bytes", BYTES)

    def pieces(body: bytes) -> Iterator[bytes]:
        yield body[:1]
        left = size - len(body)
        while left > 0:
            yield _SPACES[:left]
            left -= _STEP
        yield body[1:]

    await rewritten(app, (scope, receive, send), pieces)


async def gzip_bomb(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """The same, compressed a thousandfold even if the client does not accept that."""
    size = fault.number("bytes", BYTES)

    def pieces(body: bytes) -> Iterator[bytes]:
        check, total, left = zlib.crc32(body[:1]), 1, size - len(body)
        yield _GZIP + _block(body[:1])
        block = _block(_SPACES)
        while left > 0:
            step = min(left, _STEP)
            yield block if step == _STEP else _block(_SPACES[:step])
            check, total, left = zlib.crc32(_SPACES[:step], check), total + step, left - step
        packer = zlib.compressobj(wbits=_RAW)
        check, total = zlib.crc32(body[1:], check), total + len(body) - 1
        yield packer.compress(body[1:]) + packer.flush() + struct.pack("<II", check, total & 0xFFFFFFFF)

    await rewritten(app, (scope, receive, send), pieces, encoding=b"gzip")


def _block(data: bytes) -> bytes:
    """A piece of a deflate stream that refers to nothing before it."""
    packer = zlib.compressobj(wbits=_RAW)
    return packer.compress(data) + packer.flush(zlib.Z_FULL_FLUSH)


async def deep(fault: Fault, app: App, scope: Scope, receive: Receive, send: Send) -> None:
    """Put an array nested ``depth`` (100,000) times in ``field``, or without a field in the place of the body."""
    depth = fault.number("depth", 100_000)
    nested = "[" * depth + "]" * depth

    def pieces(body: bytes) -> Iterator[bytes]:
        field = fault.get("field", None)
        yield nested.encode() if field is None else put(body, {str(field): nested})

    await rewritten(app, (scope, receive, send), pieces)
