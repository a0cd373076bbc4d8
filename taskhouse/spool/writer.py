"""The only writer of a process: its data survives ``kill -9`` at once, and a power failure after the next fsync."""

import os
import secrets
import threading
import zlib
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock

from taskhouse.atomic import naming
from taskhouse.clock import REAL, Clock
from taskhouse.spool import line
from taskhouse.spool.folder import Segment, Spool, parse, sealed_name, sync_folder
from taskhouse.spool.line import Entry, RunKey

SYNC_S = 1.0
"""Longest time between two fsyncs while events arrive; a power failure loses no more, and the stream still has it."""


class SpoolWriter:
    """Appends events to one open segment per layer, and seals it when it is large or old enough.

    Args:
        spool: The folder of the segments.
        seal_bytes: A segment of at least this size is sealed.
        seal_seconds: An older segment is sealed by :meth:`tick`.
        sync_seconds: The longest time between two fsyncs while events arrive, kept by :meth:`tick`.
        clock: The clock for the times of arrival.
        many: How many events that are not sealed yet are many.
        on_many: Called when there are as many, in the thread that appended them.
        on_open: Called when a segment is opened, in the thread that appends to it.

    Safe to use from several threads. Call :meth:`tick` about four times a second, unless the writer is :attr:`quiet`.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        seal_bytes: int = 32 << 20,
        seal_seconds: float = 1.0,
        sync_seconds: float = SYNC_S,
        clock: Clock = REAL,
        many: int = 0,
        on_many: Callable[[], None] = lambda: None,
        on_open: Callable[[], None] = lambda: None,
    ) -> None:
        self.spool = spool
        self.seal_bytes = seal_bytes
        self.seal_seconds = seal_seconds
        self.sync_seconds = sync_seconds
        self.clock = clock
        self.name = f"{clock.now_us() // 1000}-{os.getpid()}-{secrets.token_hex(3)}"
        self.many = many
        self.on_many = on_many
        self.on_open = on_open
        self.events = 0
        self._unsealed = 0
        self._guard = threading.Lock()
        self._open: dict[str, _Open] = {}
        self._full: list[_Open] = []
        self._late: list[_Open] = []
        self._count = 0
        self._alive = FileLock(spool.open / f"{self.name}.lock", thread_local=False)
        self._alive.acquire(timeout=0)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def quiet(self) -> bool:
        """Whether :meth:`tick` has nothing to do before something is appended."""
        with self._guard:
            return not (self._open or self._full or self._late)

    def append(self, layer: str, run_key: RunKey, entries: Sequence[Entry], *, leg: str) -> None:
        """Append events of one run that arrived together, in order."""
        with self._guard:
            segment = self._segment(layer)
            arrived_us = self.clock.now_us()
            lines, count = line.encode(run_key, entries, first=segment.lines, leg=leg, arrived_us=arrived_us)
            self.events += count
            segment.write(b"".join(lines), count)
            if segment.size >= self.seal_bytes:
                self._full.append(self._open.pop(layer))
            before, self._unsealed = self._unsealed, self._unsealed + count
        if before < self.many <= self._unsealed:
            self.on_many()

    def mark(
        self,
        layer: str,
        run_key: RunKey,
        *,
        resource: str,
        position: str | None,
        state: str,
        as_of: datetime | None = None,
        read_at: datetime | None = None,
        cut_us: int | None = None,
    ) -> None:
        """Append the move of a run's cursor; it takes effect with the events before it.

        ``as_of`` is the server's time of what was read: a run that changed later is read again. ``read_at`` is our time
        of it, if the mark is written later. With ``cut_us``, the log ends at ``position``: stored entries beyond it
        that arrived before that moment do not belong to it.
        """
        facts = {
            "resource": resource,
            "position": position,
            "state": state,
            "as_of": as_of.isoformat() if as_of else None,
            "read_at": read_at.isoformat() if read_at else None,
            "cut_us": cut_us,
        }
        self._fact(layer, run_key, "mark", facts, leg=None)

    def resume(
        self,
        layer: str,
        run_key: RunKey,
        *,
        leg: str,
        after: str | None,
        first: str,
        connected_at: datetime | None,
        heard_at: datetime | None,
        joined: bool | None = None,
    ) -> None:
        """Append how a connection to a stream began, before the events that it brings.

        Args:
            layer: The layer of its events.
            run_key: The run.
            leg: Which endpoint it is.
            after: The cursor that it was given.
            first: The first id that came.
            connected_at: When, by the server's clock.
            heard_at: When the stream was last heard before.
            joined: Whether the stream still contained the event of the cursor; None if that is not known.
        """
        facts = {
            "after": after,
            "first": first,
            "connected_at": connected_at.isoformat() if connected_at else None,
            "heard_at": heard_at.isoformat() if heard_at else None,
            "joined": joined,
        }
        self._fact(layer, run_key, "resume", facts, leg=leg)

    def ended(
        self,
        layer: str,
        run_key: RunKey,
        *,
        leg: str,
        after: str | None,
        ending: str,
        heard_at: datetime | None = None,
    ) -> None:
        """Append that a stream cannot be continued after the id ``after``, and why: it is over, or was trimmed there.

        ``heard_at`` is when the server said so, by its own clock.
        """
        facts = {"after": after, "ending": ending, "heard_at": heard_at.isoformat() if heard_at else None}
        self._fact(layer, run_key, "resume", facts, leg=leg)

    def _fact(self, layer: str, run_key: RunKey, kind: str, facts: Mapping[str, object], *, leg: str | None) -> None:
        with self._guard:
            segment = self._segment(layer)
            arrived_us = self.clock.now_us()
            segment.write(
                line.encode_fact(run_key, kind, facts, number=segment.lines, leg=leg, arrived_us=arrived_us), 1
            )

    def tick(self) -> None:
        """Fsync and seal what is due; appending continues meanwhile."""
        now = self.clock.monotonic()
        with self._guard:
            for layer, segment in list(self._open.items()):
                if now - segment.began >= self.seal_seconds:
                    self._full.append(self._open.pop(layer))
            due = [segment.handle() for segment in self._open.values() if segment.due(now, self.sync_seconds)]
        for handle in due:
            os.fsync(handle)
            os.close(handle)
        self._seal_full()
        self._sync(now - self.sync_seconds)

    def seal(self) -> list[Segment]:
        """Seal everything that is open, now."""
        with self._guard:
            self._full += self._open.values()
            self._open.clear()
            self._unsealed = 0
        return self._seal_full()

    def close(self) -> None:
        """Seal everything and close; nothing can be appended afterwards."""
        self.seal()
        self._sync(self.clock.monotonic())
        self._alive.release()
        Path(self._alive.lock_file).unlink(missing_ok=True)

    def _segment(self, layer: str) -> "_Open":
        if layer not in self._open:
            self._count += 1
            path = self.spool.open / f"{layer}-{self.name}-{self._count:06d}.part"
            self._open[layer] = _Open(path, self.clock.monotonic())
            self.on_open()
        return self._open[layer]

    def _seal_full(self) -> list[Segment]:
        """Seal what is full; if one fails, it and those behind it are left for the next time."""
        sealed: list[Segment] = []
        while True:
            with self._guard:
                if not self._full:
                    return sealed
                segment = self._full.pop(0)
            try:
                found = self._seal(segment)
            except BaseException:
                with self._guard:
                    self._full.insert(0, segment)
                raise
            sealed += [found] if found else []

    def _seal(self, segment: "_Open") -> Segment | None:
        """Seal a segment, or delete it if there was no disk space for its first line."""
        if not segment.lines:
            segment.path.unlink(missing_ok=True)
            segment.close()
            return None
        target = self.spool.sealed / sealed_name(segment.path.stem, segment.lines, segment.crc)
        segment.path.replace(target)
        segment.path = target
        with self._guard:
            self._late.append(segment)
        sealed = parse(target)
        assert sealed is not None  # noqa: S101 - we made the name
        return sealed

    def _sync(self, before: float) -> None:
        """Fsync sealed segments that have not been synced; those that are loaded already no longer exist."""
        with self._guard:
            due = [segment for segment in self._late if segment.synced <= before]
            self._late = [segment for segment in self._late if segment.synced > before]
        left = [segment.close() for segment in due]
        if any(left):
            sync_folder(self.spool.sealed)


class _Open:
    """A segment while it is being written: unbuffered, so that a killed process loses nothing it wrote."""

    def __init__(self, path: Path, now: float) -> None:
        self.path = path
        self.lines = 0
        self.size = 0
        self.crc = 0
        self.safe = 0
        self.began = self.synced = now
        self._file = path.open("xb", buffering=0)

    def write(self, content: bytes, lines: int) -> None:
        view = memoryview(content)
        try:
            with naming(self.path):
                while view:
                    view = view[self._file.write(view) :]
        except OSError:
            self._file.truncate(self._file.seek(self.size))  # what found no room is no half of a line
            raise
        self.crc = zlib.crc32(content, self.crc)
        self.size += len(content)
        self.lines += lines

    def due(self, now: float, every: float) -> bool:
        """Whether an fsync is due; it counts as done."""
        if self.size == self.safe or now - self.synced < every:
            return False
        self.synced, self.safe = now, self.size
        return True

    def handle(self) -> int:
        """A handle of its own, so that an fsync outlives the segment's being sealed."""
        return os.dup(self._file.fileno())

    def close(self) -> bool:
        """Give the file back, after an fsync if it is still there; whether it is."""
        with self._file:
            there = self.path.exists()
            if there and self.size > self.safe:
                os.fsync(self._file.fileno())
        return there
