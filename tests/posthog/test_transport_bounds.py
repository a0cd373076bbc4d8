"""What a server may send beside the body is bounded, and so is what is held of a body that nobody reads."""

import asyncio
import gzip
import tracemalloc
from collections.abc import Callable

import pytest

from taskhouse.errors import Contract, Retryable
from taskhouse.posthog.api import TasksApi
from taskhouse.posthog.client import PostHog
from taskhouse.posthog.retry import Policy
from taskhouse.settings import Settings
from tests.posthog.raw import Script, serving

MakeSettings = Callable[..., Settings]
MB = 1_000_000
LOTS = 150 * MB
PIECE = 60_000
HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
EVENT = b"id: 1-1\ndata: {}\n\n"


def chunk(data: bytes) -> bytes:
    """One chunk of a body."""
    return b"%x\r\n%b\r\n" % (len(data), data)


BODY = chunk(EVENT)
EMPTY = b"\x00\x00\x00\xff\xff"
"""A compressed block that holds nothing."""


class Flood:
    """Some bytes, then others again and again, 150 MB in all; ``sent`` is how many of these the client let come."""

    def __init__(self, first: bytes, piece: bytes) -> None:
        self.sent = 0
        self._first = first
        self._piece = piece * (PIECE // len(piece) or 1)

    async def script(self, writer: asyncio.StreamWriter) -> None:
        writer.write(self._first)
        while self.sent < LOTS:
            writer.write(self._piece)
            await writer.drain()
            self.sent += len(self._piece)


def read(settings: MakeSettings, script: Script) -> tuple[bytes, int]:
    """The body of a stream, which must end in an error, and the most memory that reading it took."""
    found: list[bytes] = []

    async def whole(api: TasksApi) -> None:
        async with api.stream("t", "r") as connection:
            async for piece in connection.chunks():
                found.append(piece)  # noqa: PERF401 - it ends with an error

    async def run() -> int:
        async with serving([script]) as server, PostHog(settings(server.origin)) as client:
            tracemalloc.start()
            try:
                with pytest.raises(Retryable):
                    await whole(TasksApi(client, 1))
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    peak = asyncio.run(asyncio.wait_for(run(), 60))
    return b"".join(found), peak


@pytest.mark.parametrize(
    ("first", "piece", "body"),
    [
        pytest.param(HEAD + BODY + b"0\r\nx: ", b"x", EVENT, id="one trailer"),
        pytest.param(HEAD + BODY + b"0\r\n", b"x: y\r\n", EVENT, id="many trailers"),
        pytest.param(HEAD + BODY + b"1;x=", b"x", EVENT, id="a chunk extension"),
        pytest.param(HEAD + b"0\r\nx: ", b"x", b"", id="a trailer without a body"),
        pytest.param(b"HTTP/1.1 200 ", b"x", b"", id="a status line"),
        pytest.param(b"HTTP/1.1 200 OK\r\nx: ", b"x", b"", id="one header"),
        pytest.param(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n", b"", id="many headers"),
        pytest.param(b"", b"HTTP/1.1 100 Continue\r\n\r\n", b"", id="answers before the answer"),
    ],
)
def test_what_stands_beside_the_body_is_bounded(
    settings: MakeSettings, first: bytes, piece: bytes, body: bytes
) -> None:
    flood = Flood(first, piece)
    found, peak = read(settings, flood.script)
    assert found == body
    assert flood.sent < 8 * MB, "what the buffers of both sides take"
    assert peak < 4 * MB


def test_chunks_of_one_byte_with_short_extensions_are_read(settings: MakeSettings) -> None:
    async def script(writer: asyncio.StreamWriter) -> None:
        writer.write(HEAD + b"1;name=value\r\nx\r\n" * 10_000)
        await writer.drain()

    assert read(settings, script)[0] == b"x" * 10_000


def test_an_answer_after_the_answer_is_not_read(settings: MakeSettings) -> None:
    async def script(writer: asyncio.StreamWriter) -> None:
        answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: %d\r\n\r\n%b"
        writer.write(answer % (len(EVENT), EVENT) + answer % (3, b"two"))
        await writer.drain()

    async def run() -> bytes:
        async with (
            serving([script]) as server,
            PostHog(settings(server.origin)) as client,
            TasksApi(client, 1).stream("t", "r") as connection,
        ):
            return b"".join([chunk async for chunk in connection.chunks()])

    assert asyncio.run(run()) == EVENT


def test_a_body_that_nobody_reads_is_not_held(settings: MakeSettings) -> None:
    flood = Flood(HEAD, chunk(b"x" * 50_000))

    async def run() -> int:
        async with serving([flood.script]) as server, PostHog(settings(server.origin)) as client:
            tracemalloc.start()
            async with TasksApi(client, 1).stream("t", "r"):
                sent = -1
                while sent < flood.sent:
                    sent = flood.sent
                    await asyncio.sleep(0.05)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            return peak

    assert asyncio.run(run()) < 4 * MB
    assert flood.sent < 8 * MB


@pytest.mark.parametrize(
    ("first", "piece"),
    [
        pytest.param(b"0\r\nx: ", b"x", id="one trailer"),
        pytest.param(b"0\r\n", b"x: y\r\n", id="many trailers"),
        pytest.param(b"1;x=", b"x", id="a chunk extension"),
        pytest.param(chunk(gzip.compress(b"")[:10]), chunk(EMPTY * 10_000), id="empty blocks"),
        pytest.param(chunk(gzip.compress(b"")), chunk(b"x" * 50_000), id="after the compressed body"),
    ],
)
def test_a_call_is_bounded_too(settings: MakeSettings, first: bytes, piece: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
    flood = Flood(head + b"Content-Encoding: gzip\r\n\r\n" + first, piece)

    async def run() -> int:
        async with (
            serving([flood.script]) as server,
            PostHog(settings(server.origin), policy=Policy(attempts=1), cap=MB) as client,
        ):
            tracemalloc.start()
            try:
                with pytest.raises((Retryable, Contract)):
                    await TasksApi(client, 1).task("t")
                return tracemalloc.get_traced_memory()[1]
            finally:
                tracemalloc.stop()

    assert asyncio.run(asyncio.wait_for(run(), 60)) < 4 * MB
    assert flood.sent < 8 * MB
