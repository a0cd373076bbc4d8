"""The live stream of each run, with the habits of the Redis stream behind PostHog's endpoint.

Facts of the server: entries are capped at about 5,000 (`XADD MAXLEN ~`, which drops whole nodes only), the key lives
6 h after its newest write and 30 min once a sentinel stands in it, and ids are Redis' own. The store knows no HTTP;
:mod:`taskhouse.emulator.sse` reads it. Two modes of runs show here: thin-tail runs keep some 500 entries, and what a
presence-gated run emits is written only while :meth:`RunStream.watched`.
"""

import asyncio
import json
import re
from bisect import bisect_left, bisect_right
from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

from taskhouse.emulator.clock import Clock
from taskhouse.emulator.listpack import Node, int_size, text_size
from taskhouse.emulator.status import status_of

_SENTINEL_TEXT: Final = '{"type": "STREAM_STATUS", "status": "complete"}'
_SENTINEL_ERROR_CHARS: Final = 500
_NUMBER: Final = re.compile(r"\s*\+?([0-9]+)")
_U64: Final = 2**64 - 1
_ID_CHARS: Final = 127
_COMPACT_AT: Final = 1024


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """The server's constants (newest version) and the switches of older ones. Times are simulated seconds."""

    max_entries: int = 5000
    """Approximate cap of stored entries, the hidden sentinel included."""
    thin_entries: int = 500
    """The cap that an entry with an event_id brings on a thin-tail run."""
    node_entries: int = 100
    node_bytes: int = 4096
    """Redis' node limits: trimming drops a whole node, and only when the cap still holds without it."""
    ttl_s: float = 6 * 3600
    """Life of a stream after its newest write."""
    ttl_refreshed: bool = True
    """Off: servers of spring 2026, where the first write set the life once and for all."""
    completed_ttl_s: float = 30 * 60
    """Life of a stream after a sentinel."""
    completed_marker_s: float = 7 * 3600
    """How long a second `complete` stays without effect."""
    keepalive_s: float = 20.0
    block_s: float = 5.0
    wait_s: float = 120.0
    proxy_wait_s: float = 300.0
    rotation_s: float = 900.0
    connection_s: float = 6 * 3600
    """Life of a connection that is never rotated."""
    lease_s: float = 300.0
    """How long a reader counts as watching; it outlives the connection."""
    lease_refresh_s: float = 120.0
    batch: int = 16
    rotation: bool = True
    """Off: servers before June 2026, which kept a connection up to ``connection_s``."""
    end_marker: bool = True
    """Off: servers of spring 2026, where a finished run's stream just ends, without `stream-end`."""
    drained: bool = True
    """Off: servers before September 2026, which let readers of a long finished run wait for ``wait_s``."""
    coalesce_chunks: bool = False
    """On: one chunk per read batch, for measuring. The real server sends one chunk per frame."""


class StreamId(NamedTuple):
    """A Redis stream id, ordered by both numbers."""

    ms: int
    seq: int

    def __str__(self) -> str:
        return f"{self.ms}-{self.seq}"


START: Final = StreamId(0, 0)


class CursorError(ValueError):
    """A cursor that Redis would refuse."""


def parse_cursor(text: str) -> StreamId:
    """Read ``<ms>-<seq>`` or ``<ms>`` as Redis' XREAD does; raises :class:`CursorError` for anything else."""
    if len(text) > _ID_CHARS:
        raise CursorError(text)
    ms, dash, seq = text.partition("-")
    return StreamId(_number(ms), _number(seq) if dash else 0)


def _number(text: str) -> int:
    found = _NUMBER.fullmatch(text)
    if found is None or (number := int(found[1])) > _U64:
        raise CursorError(text)
    return number


def framed(stream_id: str, text: str) -> bytes:
    """The SSE frame of an entry."""
    lines = text if "\n" not in text else text.replace("\n", "\ndata: ")
    return f"id: {stream_id}\ndata: {lines}\n\n".encode("utf-8", "surrogatepass")


class StreamRead(NamedTuple):
    """What one read found: ``frames`` up to a sentinel, the last id among them, and that sentinel if met.

    ``frames`` are finished SSE frames, one per entry. ``closed`` is None, ``"complete"`` or ``"error"``; ``error`` is
    the error sentinel's message. ``stood`` says that there was nothing to read while the clock stood still.
    """

    frames: list[bytes]
    last: StreamId
    closed: str | None = None
    error: str = ""
    stood: bool = False


class RunStream:
    """One run's stream. Every method that takes ``now_ms`` first lets the stream expire if its time has come.

    Entries are kept as finished SSE frames, made once for all readers. The object outlives its content: a reader
    attached to an expired or reset stream meets silence, then the entries of its next life.
    """

    def __init__(self, settings: StreamSettings) -> None:
        self._settings = settings
        self._marked_until_ms = 0
        self._changed: asyncio.Event | None = None
        self._readers = 0
        self._leased_until_ms = 0
        self._behind_ms = 0
        self._rewound = False
        self._first = START
        self.life = 0
        self._forget()

    def _forget(self) -> None:
        self.life += 1
        self._ids: list[StreamId] = []
        self._frames: list[bytes] = []
        self._head = 0
        self._nodes: deque[Node] = deque()
        self._sentinels: list[tuple[StreamId, str | None]] = []
        self._newest = START
        self._expires_ms = 0

    def exists(self, now_ms: int) -> bool:
        """Whether the key is there: written to at least once, not expired and not reset."""
        if self._ids and now_ms >= self._expires_ms:
            self._forget()
        return bool(self._ids)

    def count(self, now_ms: int) -> int:
        """Stored entries, sentinels among them."""
        return len(self._ids) - self._head if self.exists(now_ms) else 0

    def newest(self, now_ms: int) -> StreamId:
        """The newest stored id, a hidden sentinel's too; 0-0 when there is no stream."""
        return self._newest if self.exists(now_ms) else START

    def oldest(self, now_ms: int) -> StreamId | None:
        """The oldest surviving id, or None when there is no stream."""
        return self._ids[self._head] if self.exists(now_ms) else None

    def before_newest(self, now_ms: int) -> StreamId:
        """The id before the newest one, 0-0 if there is none."""
        return self._ids[-2] if self.count(now_ms) > 1 else START

    def expires_ms(self, now_ms: int) -> int | None:
        """When the stream will expire if nothing more is written, or None when there is no stream."""
        return self._expires_ms if self.exists(now_ms) else None

    def closed(self, now_ms: int) -> bool:
        """Whether a sentinel keeps readers from what is written now."""
        return self.exists(now_ms) and bool(self._sentinels)

    def attach(self, now_ms: int) -> None:
        """A reader comes: it counts as watching from now on."""
        self._readers += 1
        self._lease(now_ms)

    def detach(self, since_ms: int, now_ms: int) -> None:
        """A reader that came at ``since_ms`` goes; what it last leased runs on."""
        self._readers -= 1
        every_ms = int(self._settings.lease_refresh_s * 1000)
        self._lease(now_ms - (now_ms - since_ms) % every_ms)

    def _lease(self, at_ms: int) -> None:
        self._leased_until_ms = max(self._leased_until_ms, at_ms + int(self._settings.lease_s * 1000))

    def watched(self, now_ms: int) -> bool:
        """Whether somebody reads, or did a moment ago: only then is a presence-gated run's event written."""
        return self._readers > 0 or now_ms < self._leased_until_ms

    def append(self, text: str, now_ms: int, *, publish: bool = False, thin: bool = False) -> str:
        """Store one event and return its id ``<ms>-<seq>``. Wakes the readers.

        ``text`` is the event as the server prints it: one line of JSON, ASCII, a space after ``,`` and ``:``. The life
        goes back to 6 h, even after a sentinel. ``publish=True`` is the path of `task_run_state`, which leaves a
        finished stream its 30 minutes. ``thin=True`` trims to the cap of thin-tail runs. A
        ``STREAM_STATUS`` object is a sentinel if its status is known, and hidden from readers in any case.
        """
        finished = publish and now_ms < self._marked_until_ms
        ttl_s = self._settings.completed_ttl_s if finished else self._settings.ttl_s
        given = self._add(text, now_ms, ttl_s, self._settings.thin_entries if thin else None)
        status = status_of(text)
        if status in {"complete", "error"}:
            error = None if status == "complete" else str(json.loads(text).get("error") or "")
            self._sentinels.append((self._newest, error))
        elif status is not None:
            self._frames[-1] = b""
        return given

    def complete(self, now_ms: int) -> None:
        """Write the completion sentinel; after any earlier sentinel only the 30 minutes start again."""
        if now_ms < self._marked_until_ms:
            if self.exists(now_ms) and self._settings.ttl_refreshed:
                self._expires_ms = now_ms + int(self._settings.completed_ttl_s * 1000)
            return
        self._close(None, _SENTINEL_TEXT, now_ms)

    def error(self, message: str, now_ms: int) -> None:
        """Write an error sentinel with the first 500 characters of ``message``; it may follow another sentinel."""
        message = message[:_SENTINEL_ERROR_CHARS]
        self._close(message, f"{_SENTINEL_TEXT}{message}", now_ms)

    def roll_back(self, count: int) -> list[tuple[str, str]]:
        """Lose the newest ``count`` entries, as a failover to a replica that lags does.

        Returns ids and texts of those that a reader could have had. A sentinel among them closes the stream no more.
        """
        low = max(self._head, len(self._frames) - count)
        first_closed = self._sentinels[0][0] if self._sentinels else None
        lost = list(zip(self._ids[low:], self._frames[low:], strict=True))
        shown = [(at, frame) for at, frame in lost if frame and (first_closed is None or at < first_closed)]
        texts = [(str(at), frame.partition(b"\ndata: ")[2].removesuffix(b"\n\n")) for at, frame in shown]
        for _ in lost:
            self._ids.pop()
            self._frames.pop()
            self._nodes[-1].count -= 1
            if not self._nodes[-1].count:
                self._nodes.pop()
        self._newest = self._ids[-1] if self._ids else START
        sentinels = len(self._sentinels)
        self._sentinels = [mark for mark in self._sentinels if mark[0] <= self._newest]
        if len(self._sentinels) < sentinels:
            self._marked_until_ms = 0
        if not self._ids:
            self._forget()
        return [(at, text.replace(b"\ndata: ", b"\n").decode("utf-8", "surrogatepass")) for at, text in texts]

    def wake(self) -> None:
        """Wake the readers."""
        if self._changed is not None:
            self._changed.set()
            self._changed = None

    def reset(self) -> None:
        """Delete the stream and its markers, as resuming a finished run in the cloud does."""
        self._forget()
        self._marked_until_ms = 0

    def restart(self) -> None:
        """Lose everything and reuse the ids from the first one on, as a Redis that restarts with an old clock does."""
        self.reset()
        self._rewound = self._first != START

    def read(self, after: StreamId, count: int, now_ms: int) -> StreamRead:
        """Up to ``count`` entries strictly after ``after``, stopping in front of a sentinel."""
        if not self.exists(now_ms):
            return StreamRead([], after)
        ids = self._ids
        low = bisect_right(ids, after, self._head)
        high = min(low + count, len(ids))
        if low == high:
            return StreamRead([], after)
        for at, error in self._sentinels:
            if after < at <= ids[high - 1]:
                frames = self._frames[low : bisect_left(ids, at, low, high)]
                return StreamRead(frames, at, "complete" if error is None else "error", error or "")
        return StreamRead(self._frames[low:high], ids[high - 1])

    def changed(self) -> asyncio.Event:
        """An event that the next write sets. Take it, read, and wait only if the read was empty."""
        if self._changed is None:
            self._changed = asyncio.Event()
        return self._changed

    def _close(self, error: str | None, text: str, now_ms: int) -> None:
        self._add(text, now_ms, self._settings.completed_ttl_s)
        self._sentinels.append((self._newest, error))
        self._marked_until_ms = now_ms + int(self._settings.completed_marker_s * 1000)

    def _add(self, text: str, now_ms: int, ttl_s: float, cap: int | None = None) -> str:
        if self._ids and now_ms >= self._expires_ms:
            self._forget()
        if not self._ids or self._settings.ttl_refreshed:
            self._expires_ms = now_ms + int(ttl_s * 1000)
        if self._rewound:
            self._behind_ms, self._rewound = now_ms - self._first.ms, False
        ms, seq = self._newest
        id_ms = now_ms - self._behind_ms
        ms, seq = (id_ms, 0) if id_ms > ms else (ms, seq + 1)
        self._newest = StreamId(ms, seq)
        if self._first == START:
            self._first = self._newest
        self._ids.append(self._newest)
        shown = f"{ms}-{seq}"
        self._frames.append(framed(shown, text))
        self._fill_node(len(text), ms, seq)
        self._trim(self._settings.max_entries if cap is None else cap)
        self.wake()
        return shown

    def _fill_node(self, length: int, ms: int, seq: int) -> None:
        nodes, settings = self._nodes, self._settings
        node = nodes[-1] if nodes else None
        if (
            node is None
            or node.count >= settings.node_entries
            or node.size + len("data") + length >= settings.node_bytes
        ):
            node = Node(ms, seq)
            nodes.append(node)
        node.count += 1
        node.size += 4 + int_size(ms - node.ms) + int_size(seq - node.seq) + text_size(length)

    def _trim(self, cap: int) -> None:
        nodes = self._nodes
        while len(nodes) > 1 and len(self._ids) - self._head - nodes[0].count >= cap:
            self._head += nodes.popleft().count
        if self._sentinels and self._sentinels[0][0] < self._ids[self._head]:
            self._sentinels = [mark for mark in self._sentinels if mark[0] >= self._ids[self._head]]
        if self._head >= _COMPACT_AT:
            del self._ids[: self._head]
            del self._frames[: self._head]
            self._head = 0


class StreamStore:
    """The streams of all runs. Expired content is dropped when touched and by a sweep every so often."""

    def __init__(self, settings: StreamSettings, clock: Clock) -> None:
        self.settings = settings
        self._clock = clock
        self._runs: dict[str, RunStream] = {}
        self._touched = 0
        self.redis = "up"
        self._answers = asyncio.Event()

    def set_redis(self, state: str) -> None:
        """Let Redis be ``up``, ``down``, or ``silent``: it takes connections and answers nothing."""
        self.redis = state
        self._answers.set()
        self._answers = asyncio.Event()
        for stream in self._runs.values():
            stream.wake()

    async def answering(self) -> bool:
        """Wait for as long as Redis is silent; whether it is up then."""
        while self.redis == "silent":
            await self._answers.wait()
        return self.redis == "up"

    def stream(self, run_id: str) -> RunStream:
        """The run's stream, empty if nothing was written. It is always the same object, so readers may keep it."""
        self._touched += 1
        if self._touched % _COMPACT_AT == 0:
            self.sweep()
        found = self._runs.get(run_id)
        if found is None:
            found = self._runs[run_id] = RunStream(self.settings)
        return found

    def sweep(self) -> int:
        """Drop the content of every expired stream; returns how many streams are left with content."""
        now_ms = self._clock.now_ms()
        return sum(stream.exists(now_ms) for stream in self._runs.values())
