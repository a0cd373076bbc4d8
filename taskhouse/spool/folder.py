"""The folders of segments: open while a writer appends, sealed for the loader, damaged if they no longer match.

spool/open/<segment>.part                      being written
spool/open/<writer>.lock                       held as long as the writer lives
spool/sealed/<segment>.<lines>.<crc32>.batches whole: its name states how many entries it has, and its checksum
spool/damaged/<name>                           set aside, never deleted by taskhouse

Segments of earlier versions are called ``.ndjson``: each of their entries is a line by itself.
"""

import contextlib
import os
import re
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from taskhouse.atomic import appearing, lives, naming
from taskhouse.errors import Full
from taskhouse.spool import line

_SEALED = re.compile(
    r"(?P<segment>(?P<layer>live|log)-[0-9a-z-]+)\.(?P<lines>\d+)\.(?P<crc>[0-9a-f]{8})\.(batches|ndjson)"
)


@dataclass(frozen=True, slots=True)
class Segment:
    """A sealed segment: its path and what its name says; ``lines`` counts its entries."""

    path: Path
    name: str
    layer: str
    lines: int
    crc: int

    def content(self) -> bytes | None:
        """The file, if it contains exactly what its name states."""
        content = self.path.read_bytes()
        return content if zlib.crc32(content) == self.crc else None

    def is_whole(self) -> bool:
        """Whether the file contains exactly what its name states."""
        return self.content() is not None


class Cursor(NamedTuple):
    """The last event of a stream: its endpoint, its id, and its checksum if nothing was removed from it."""

    leg: str
    stream_id: str
    checksum: int | None


@dataclass(frozen=True, slots=True)
class Recovery:
    """What a clean-up did: segments sealed for a dead writer, torn bytes removed, files set aside."""

    sealed: tuple[Segment, ...] = ()
    torn_bytes: int = 0
    damaged: tuple[Path, ...] = ()


class Spool:
    """The folder of segments below one ``TASKHOUSE_HOME``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.open = root / "open"
        self.sealed = root / "sealed"
        self.damaged = root / "damaged"
        for folder in (self.open, self.sealed, self.damaged):
            folder.mkdir(parents=True, exist_ok=True)

    def segments(self) -> list[Segment]:
        """Sealed segments, oldest first."""
        return sorted((s for s in map(parse, self.sealed.iterdir()) if s), key=_age)

    def require_room(self, *, free_bytes: float) -> None:
        """Refuse before the disk is full.

        Raises:
            Full: The disk has less than ``free_bytes`` left.
        """
        free = shutil.disk_usage(self.root).free
        if free < free_bytes:
            raise Full(
                f"The disk of {self.root} has only {free / 1e9:.1f} GB left.",
                hint="Free some disk space, or lower TASKHOUSE_SPOOL_FREE_GB. No captured events are lost.",
            )

    def cursors(self) -> dict[str, Cursor]:
        """The last event of every run that has events here, which the warehouse may not have yet."""
        found: dict[str, Cursor] = {}
        for segment in self.segments():
            if segment.layer == "live":
                for entry in line.entries(segment.content() or b""):
                    if entry["k"] == "event" and entry["i"]:
                        found[entry["r"]] = Cursor(entry["l"], entry["i"], None if entry["x"] else entry.get("h"))
        return found

    def recover(self) -> Recovery:
        """Seal what dead writers left open: every whole entry is kept, and a torn end is removed.

        A file that is damaged anywhere but at its end is also set aside under its own name.
        """
        sealed, torn, damaged = [], 0, []
        for part in sorted(self.open.glob("*.part")):
            with self._of_the_dead(part.stem.split("-", 1)[1].rsplit("-", 1)[0]) as dead:
                if not dead:
                    continue
                whole = _sift(part.read_bytes())
                torn += whole.torn_bytes
                if whole.damaged:
                    damaged.append(self._set_aside(part, keep=True))
                if whole.entries:
                    sealed.append(self._reseal(part.stem, whole.content, whole.entries))
                part.unlink()
        for between in self.open.glob("*.lock"):  # of a writer that died while nothing was open
            if not lives(between.stem.split("-")[1]):
                with self._of_the_dead(between.stem):
                    pass
        return Recovery(tuple(sealed), torn, tuple(damaged))

    def salvage(self, segment: Segment) -> tuple[Path, Segment | None]:
        """Set a damaged segment aside and seal its whole entries under another name."""
        whole = _sift(segment.path.read_bytes())
        again = self._reseal(f"{segment.name}-salvaged", whole.content, whole.entries) if whole.entries else None
        return self._set_aside(segment.path, keep=False), again

    def halve(self, segment: Segment) -> list[Segment]:
        """Split a segment of several entries in two; after a crash, doing it again gives the same two."""
        lines = [line.alone(entry) for entry in line.entries(segment.path.read_bytes())]
        middle = len(lines) // 2
        halves = [
            self._reseal(f"{segment.name}-{n}", b"".join(part), len(part))
            for n, part in enumerate((lines[:middle], lines[middle:]))
        ]
        segment.path.unlink()
        return halves

    @contextlib.contextmanager
    def _of_the_dead(self, writer: str) -> Iterator[bool]:
        """Whether a writer is dead; no other process cleans up meanwhile, and its lock is removed at the end."""
        lock = FileLock(self.open / f"{writer}.lock", thread_local=False)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            yield False
            return
        try:
            yield True
        finally:
            lock.release()
            Path(lock.lock_file).unlink(missing_ok=True)

    def _reseal(self, name: str, content: bytes, count: int) -> Segment:
        path = self.sealed / sealed_name(name, count, zlib.crc32(content))
        draft = self.open / f"{name}.draft"
        with naming(draft), draft.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
        sync_folder(self.sealed)
        segment = parse(path)
        assert segment is not None  # noqa: S101 - we made the name
        return segment

    def _set_aside(self, path: Path, *, keep: bool) -> Path:
        target = self.damaged / path.name
        if keep:
            with appearing(target) as draft:
                draft.write_bytes(path.read_bytes())
        else:
            path.replace(target)
        return target


def sealed_name(segment: str, lines: int, crc: int) -> str:
    """The file name of a sealed segment, which states what it must contain."""
    return f"{segment}.{lines}.{crc:08x}.batches"


def parse(path: Path) -> Segment | None:
    """Read a sealed segment's name; None for any other file."""
    match = _SEALED.fullmatch(path.name)
    if match is None:
        return None
    return Segment(path, match["segment"], match["layer"], int(match["lines"]), int(match["crc"], 16))


def sync_folder(folder: Path) -> None:
    """Make a rename inside ``folder`` survive a power failure."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _age(segment: Segment) -> tuple[str, str]:
    return segment.name.split("-", 1)[1], segment.name


class _Sifted(NamedTuple):
    """What is whole of a segment, as lines: how many entries they have, and what else was there."""

    content: bytes
    entries: int
    torn_bytes: int
    damaged: bool


def _sift(content: bytes) -> _Sifted:
    """Everything that is whole; the last line may be torn, and any other that is not whole is damaged."""
    lines = [text + b"\n" for text in content.split(b"\n")]
    lines[-1] = lines[-1][:-1]
    sifted = list(map(line.sift, lines))
    damaged = any(found.size != len(text) for found, text in zip(sifted[:-1], lines, strict=False))
    torn = len(lines[-1]) - sifted[-1].size
    return _Sifted(b"".join(found.content for found in sifted), sum(found.entries for found in sifted), torn, damaged)
