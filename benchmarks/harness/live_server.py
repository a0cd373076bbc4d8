"""A server of streams that go on: frames that an emulator made beforehand, sent over real HTTP from its own process.

Beside taskhouse on two cores, the emulator itself cannot send 5,000 events a second. Here an event costs two pieces of
bytes and one write: its id and its time are put in when it is sent. What is listed of the project stands still.

Streams emit while somebody reads them, each event in a chunk of its own and after pauses of random length, together at
a steady rate. A stream plays the events of one agent after those of another, so their numbers make sense.
"""

import asyncio
import contextlib
import heapq
import random
import socket
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from email.utils import formatdate
from itertools import chain, cycle, islice
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

import httptools
import httpx
import orjson

from benchmarks.contenders import streams
from benchmarks.harness import server
from benchmarks.harness.list_server import PAGE, Canned
from taskhouse.emulator.serve import Emulator
from taskhouse.emulator.settings import EmulatorSettings
from taskhouse.emulator.streams import StreamSettings

AGENTS = 20
LENGTH = 8
"""How many times the usual number of events an agent has."""

TICK_S = 0.004
"""What is due is sent together so often; an event of each of some streams, hardly ever two of one."""

NO_LOG = b"X-Total-Count: 0\r\nX-Has-More: false\r\n"

TIMED = '"timestamp": "'

Text = tuple[bytes, bytes]
"""A text before and behind its time."""


class Size(NamedTuple):
    """How many streams there are, and how many events they send a second, all together."""

    streams: int
    rate: int


class Stream:
    """One run's stream: what it sends next, and to whom."""

    def __init__(self, texts: Iterator[Text]) -> None:
        self.texts = texts
        self.reader: asyncio.Transport | None = None
        self.last: tuple[int, int] = (0, 0)
        self.last_chunk = b""

    def emit(self, ms: int, now: bytes) -> None:
        """Send the next event."""
        before, behind = next(self.texts)
        last_ms, seq = self.last
        self.last = (ms, 0) if ms > last_ms else (last_ms, seq + 1)
        frame = b"id: %d-%d\ndata: %b%b%b\n\n" % (*self.last, before, now if behind else b"", behind)
        self.last_chunk = b"%x\r\n%b\r\n" % (len(frame), frame)
        if self.reader is not None:
            self.reader.write(self.last_chunk)


class World:
    """The project and its streams.

    Attributes:
        canned: Answers what is listed.
        streams: By the id of their run.
        sent: How many events were sent.
    """

    def __init__(self, size: Size) -> None:
        self.size, self.sent = size, 0
        tasks, me, agents = prepared(size.streams)
        self.canned = Canned(tasks, me)
        ids = [orjson.loads(task)["latest_run"]["id"] for task in tasks]
        self.streams = {
            run_id: Stream(chain.from_iterable(islice(cycle(agents), place % len(agents), None)))
            for place, run_id in enumerate(ids)
        }
        self._due: list[tuple[float, str]] = []
        self._random = random.Random(1)

    def answer(self, path: str, query: str, body: bytes) -> bytes:
        """The body of an answer that is no stream."""
        if path == "/sent":
            return b'{"events": %d, "cpu_s": %f}' % (self.sent, time.process_time())
        return self.canned.answer(path, parse_qs(query), body)

    def open(self, stream: Stream, run_id: str, reader: asyncio.Transport, after: str | None) -> None:
        """Begin to send; if the reader had an event, it comes once more, as from the server."""
        stream.reader = reader
        if after and stream.last_chunk:
            reader.write(stream.last_chunk)
        heapq.heappush(self._due, (time.monotonic() + self._pause(), run_id))

    def _pause(self) -> float:
        return self._random.expovariate(self.size.rate / self.size.streams)

    async def play(self) -> None:
        """Send what is due, for ever."""
        due = self._due
        while True:
            now, ms = time.monotonic(), time.time_ns() // 1_000_000
            text = datetime.now(UTC).isoformat(timespec="milliseconds").removesuffix("+00:00").encode()
            while due and due[0][0] <= now:
                at, run_id = due[0]
                stream = self.streams[run_id]
                if stream.reader is None or stream.reader.is_closing():
                    heapq.heappop(due)
                    continue
                stream.emit(ms, text)
                self.sent += 1
                heapq.heapreplace(due, (at + self._pause(), run_id))
            await asyncio.sleep(TICK_S)


class Connection(asyncio.Protocol):
    """One connection of a client."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.parser = httptools.HttpRequestParser(self)
        self._begin()

    def _begin(self) -> None:
        self.url, self.body = b"", b""
        self.after: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Callback."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """Callback."""
        self.parser.feed_data(data)

    def on_url(self, url: bytes) -> None:
        """Callback."""
        self.url += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Callback."""
        if name.lower() == b"last-event-id":
            self.after = value.decode()

    def on_body(self, body: bytes) -> None:
        """Callback."""
        self.body += body

    def on_message_complete(self) -> None:
        """Answer a request."""
        parts = urlsplit(self.url.decode())
        date = formatdate(usegmt=True).encode()
        run_id = parts.path.removesuffix("/stream/").rpartition("/")[2]
        if parts.path.endswith("/stream/") and (stream := self.world.streams.get(run_id)) is not None:
            head = b"Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n"
            self.transport.write(b"HTTP/1.1 200 OK\r\nDate: %b\r\n%b\r\n" % (date, head))
            self.world.canned.answered += 1
            self.world.open(stream, run_id, self.transport, self.after)
        else:
            is_log = parts.path.endswith("/session_logs/")
            body = b"[]" if is_log else self.world.answer(parts.path, parts.query, self.body)
            head = b"Content-Type: application/json\r\nContent-Length: %d\r\n%b" % (len(body), NO_LOG * is_log)
            self.transport.write(b"HTTP/1.1 200 OK\r\nDate: %b\r\n%b\r\n%b" % (date, head, body))
        self._begin()


def prepared(count: int) -> tuple[list[bytes], bytes, list[list[Text]]]:
    """Tasks whose runs go on, the owner of the key, and the events of some agents."""
    world = EmulatorSettings(tasks=count * 3, repositories=20, live_runs=count * 3 // 2 + 1, speed=0, throttle=False)
    with _emulator(world) as client:
        tasks, offset, more = list[bytes](), 0, True
        while more:
            answer = client.get(f"/api/projects/1/tasks/?limit={PAGE}&offset={offset}").raise_for_status().content
            body = orjson.loads(answer)
            offset, more = offset + PAGE, body["next"] is not None
            tasks += [orjson.dumps(row) for row in body["results"] if _goes_on(row["latest_run"])]
        me = client.get("/api/users/@me/").content
    return tasks[:count], me, agents()


def _goes_on(run: dict[str, Any] | None) -> bool:
    return run is not None and run["status"] == "in_progress"


def agents() -> list[list[Text]]:
    """The events of agents that an emulator has played to their end, without the states of their runs."""
    settings = StreamSettings(max_entries=100_000, coalesce_chunks=True)
    world = EmulatorSettings(
        tasks=AGENTS * 2, repositories=5, live_runs=AGENTS, speed=0, events=LENGTH, throttle=False, streams=settings
    )
    found = defaultdict[str, list[Text]](list)
    with _emulator(world) as client:
        while client.get("/_emulator/settled").json()["live_runs"]:
            client.post("/_emulator/clock", json={"advance_s": 600})
        truth = client.get("/_emulator/truth", params={"project_id": 1, "key": "phx_emulator"}).json()
        runs = [{"id": run["id"], "task_id": run["task_id"]} for run in truth["runs"] if run["live"]["count"]]
        for row in asyncio.run(streams.events(str(client.base_url), runs)):
            if row["kind"] != "task_run_state":
                found[row["run_id"]].append(_cut(row["payload"]))
    return list(found.values())


def _cut(text: str) -> Text:
    """A text without the milliseconds of its own time, of which the zone is left."""
    before, found, behind = text.partition(TIMED)
    end = behind.find('Z"')
    return (f"{before}{found}".encode(), behind[end:].encode()) if found and end > 0 else (text.encode(), b"")


@contextlib.contextmanager
def _emulator(settings: EmulatorSettings) -> Iterator[httpx.Client]:
    """A client of an emulator."""
    with Emulator(settings) as emulator:
        key = {"Authorization": f"Bearer {emulator.api_key}"}
        with httpx.Client(base_url=emulator.url, headers=key, timeout=600) as client:
            yield client


def serve(listener: socket.socket, size: Size) -> None:
    """Serve until the process is ended."""
    asyncio.run(_served(listener, World(size)))


async def _served(listener: socket.socket, world: World) -> None:
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: Connection(world), sock=listener, backlog=2048):
        await world.play()


def serving(size: Size) -> AbstractContextManager[str]:
    """A server in a process of its own; early requests wait until its frames are made."""
    return server.serving(serve, size, answered)


def answered(url: str) -> int:
    """How many requests it has answered; early ones wait until its frames are made."""
    return int(httpx.get(f"{url}/answered", timeout=600).content)


def sent(url: str) -> dict[str, float]:
    """How many events it has sent, and what processor time it has used (``cpu_s``)."""
    answer: dict[str, float] = httpx.get(f"{url}/sent", timeout=60).json()
    return answer
