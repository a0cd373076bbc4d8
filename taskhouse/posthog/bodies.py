"""Reading a body without trusting it: bounded in bytes before and after decompression, and checked for truncation."""

import zlib
from collections.abc import AsyncIterator

CAP = 64 * 1024 * 1024
"""Bytes of one decompressed body at most: four times the largest page that the server makes (API facts 7.6)."""

_STEP = 1024 * 1024


class TooLarge(Exception):
    """The body has more bytes than the cap."""


class Truncated(Exception):
    """The compressed body ended early or is damaged."""


class Encoded(Exception):
    """The body is encoded in a way that was not asked for."""


class _Gunzip:
    """Decompresses in bounded steps, so that a small body cannot become a large one unseen."""

    def __init__(self) -> None:
        self._stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)

    def feed(self, data: bytes, room: int) -> list[bytes]:
        parts = []
        try:
            while data and not self._stream.eof:
                part = self._stream.decompress(data, min(_STEP, room + 1))
                room -= len(part)
                if room < 0:
                    raise TooLarge
                parts.append(part)
                data = self._stream.unconsumed_tail
        except zlib.error:
            raise Truncated from None
        return parts

    def finish(self, room: int) -> bytes:
        try:
            rest = self._stream.decompress(b"", min(_STEP, room + 1)) if not self._stream.eof else b""
        except zlib.error:
            raise Truncated from None
        if not self._stream.eof:
            raise Truncated
        return rest


def cut(body: bytes) -> bool:
    """Whether a JSON body breaks off, as far as its first and last characters tell."""
    first, last = body[:64].lstrip()[:1], body[-64:].rstrip()[-1:]
    return not first or {b"{": b"}", b"[": b"]"}.get(first, last) != last


async def read(chunks: AsyncIterator[bytes], encoding: str, *, cap: int = CAP) -> bytes:
    """The whole body.

    Args:
        chunks: The body as it comes off the wire, still encoded.
        encoding: The ``Content-Encoding`` header.
        cap: Bytes at most, before decompression and after it.

    Raises:
        TooLarge: It has more.
        Truncated: It is compressed, and ends early.
        Encoded: It is encoded otherwise than gzip or deflate.
    """
    kind = encoding.strip().lower()
    if kind not in {"", "identity", "gzip", "x-gzip", "deflate"}:
        raise Encoded
    gunzip = None if kind in {"", "identity"} else _Gunzip()
    parts: list[bytes] = []
    size = came = 0
    async for chunk in chunks:
        came += len(chunk)
        if came > cap:
            raise TooLarge
        for part in [chunk] if gunzip is None else gunzip.feed(chunk, cap - size):
            size += len(part)
            if size > cap:
                raise TooLarge
            parts.append(part)
    if gunzip is not None and (parts or size):
        parts.append(gunzip.finish(cap - size))
    return b"".join(parts)
