"""Read-only copies of the warehouse, so that readers and writers never wait for each other.

published/<generation>.duckdb   mode 0400, under a new name each time; 0440 if the folder gives them to a group
published/<generation>.json     what it was made from and how, and how long that took
published/current.duckdb        a link to the newest, replaced atomically

If the file system can clone, a generation is a clone, which costs the same regardless of the size of the warehouse. Its
blocks are those of the warehouse, so once a day there is one with blocks of its own, which a damaged disk cannot harm
together with the warehouse.
"""

import contextlib
import os
import shutil
import stat
import time
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import Any, BinaryIO, Literal, Self

import duckdb
from filelock import FileLock, Timeout

from taskhouse.errors import ConfigurationError, Locked, TaskhouseError
from taskhouse.warehouse import damage, drafts, identity, views
from taskhouse.warehouse.clone import clone
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.identity import Identity, about

Method = Literal["clone", "copy"]

CHUNK = 8 * 1024 * 1024
NAME = "%Y%m%dT%H%M%S%f"
KEPT = 2
"""Generations whose blocks were all read, and that stay; a process that has another one open keeps it until it closes
it."""

EVERY_S = 300.0
"""Shortest time between two copies, each of which reads and writes the whole warehouse, and between two readings of
all blocks. A clone stays at least this long after a newer generation."""

CLONES_EVERY_S = 10.0
"""Shortest time between two clones: each one begins with an empty page cache for its readers."""

SHARE = 50
"""A generation is made, and all blocks are read, at most every 50 times as long as that last took."""


@dataclass(frozen=True, slots=True)
class Published:
    """The generation that is current, and whether it was made just now.

    Attributes:
        path: Its own path, not the link.
        made_at: When it was made.
        method: Whether it shares its blocks with the warehouse (``clone``) or has its own (``copy``).
        seconds: How long that took, with reading every block if that was done, and until it was on the disk.
        rest_s: How long no newer one is made without need.
        read: Whether every block of it was read before it became current.
        bytes: Its size.
        fresh: Whether this call made it.
    """

    path: Path
    made_at: datetime
    method: Method
    seconds: float
    rest_s: float
    read: bool
    bytes: int
    fresh: bool

    @classmethod
    def of(cls, path: Path, facts: Mapping[str, Any], *, fresh: bool = False) -> Self:
        """A generation, by the facts beside it; one without them is a copy that an older version made."""
        method, seconds = facts.get("method", "copy"), float(facts.get("seconds", 0.0))
        rest_s = float(facts.get("rest_s", max(EVERY_S, SHARE * seconds)))
        made_at, read = _made_at(path, facts), _reading_s(facts) is not None
        return cls(path, made_at, method, seconds, rest_s, read, path.stat().st_size, fresh)


def publish(
    warehouse: Warehouse, folder: Path, *, force: bool = False, read: bool = False, own: bool = False
) -> Published | None:
    """Publish the warehouse, unless nothing changed or the last time is too recent; None if there is no warehouse.

    A generation with the views of another version is replaced, however recent it is.

    Args:
        warehouse: What to publish.
        folder: Where.
        force: Publish even if the last time is recent.
        read: Do so, and read every block of a clone too, even if that was done a short while ago.
        own: Do both, and give the generation blocks of its own.

    Raises:
        Corrupt: The warehouse is damaged; the last generation stays current, and none is removed.
        Locked: Another process has locked the warehouse for too long; the last generation stays current.
        Full: The disk has no room for another copy; the last generation stays current.
    """
    last, now = current(folder), warehouse.clock.now()
    read |= own
    due = _reading_due(folder, now)
    outdated = not views.current_in(last.path) if last is not None else Identity.beside(warehouse.path) is not None
    if outdated and warehouse.exists():
        with warehouse.reading("bringing it up to date"):
            force = True
    if last is not None and not (force or read or (due and not last.read)) and _young(last, now):
        return last
    return _publish(warehouse, folder, read=read or due, own=own)


def _publish(warehouse: Warehouse, folder: Path, *, read: bool = False, own: bool = False) -> Published | None:
    """Publish the warehouse, unless the current generation is of the same state."""
    if not warehouse.exists():
        return current(folder)
    folder.mkdir(parents=True, exist_ok=True)
    with _alone(warehouse), drafts.draft(folder) as draft:
        with warehouse.still("publishing") as (file, held):
            began = time.perf_counter()
            source = damage.state(warehouse.path)
            last = current(folder)
            if last is not None and about(last.path).get("source") == source and _serves(last, read=read, own=own):
                return last
            cloned = _take(file, draft)
            taken_s = time.perf_counter() - began
        if cloned and own:
            _separate(draft)
        summed = None
        if read or not cloned:
            with draft.open("rb") as file:
                summed = crc32(file)
        views.add(draft, views.template(warehouse.path.parent), warehouse.clock, settled=True)
        reading_s = _read(warehouse, draft, source) if read or not cloned else None
        rest_s = max(CLONES_EVERY_S, SHARE * taken_s) if cloned else max(EVERY_S, SHARE * (taken_s + (reading_s or 0)))
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        facts = {
            "method": "clone" if cloned and not own else "copy",
            "seconds": round(time.perf_counter() - began, 4),
            "rest_s": round(rest_s, 1),
            "reading_s": reading_s,
            "crc32": summed,
            "source": source,
        }
        return _rename(folder, draft, held, facts, warehouse.clock.now())


def follow(warehouse: Warehouse) -> None:
    """Publish what was just committed, if the last generation could be a clone; otherwise the schedule does it.

    It reads no blocks, and waits for nobody: if another process has the warehouse, the next call or the schedule
    publishes.
    """
    last = current(warehouse.copies) if warehouse.copies else None
    if last is None or last.rest_s >= EVERY_S or _young(last, warehouse.clock.now()):
        return
    if Identity.beside(last.path) != Identity.beside(warehouse.path):
        with contextlib.suppress(TaskhouseError, OSError, duckdb.Error):  # the schedule says what is wrong
            _publish(warehouse.waiting(0), last.path.parent)


def current(folder: Path) -> Published | None:
    """The newest generation, if there is one."""
    link = folder / "current.duckdb"
    if not link.is_symlink():
        return None
    path = folder / link.readlink()
    return Published.of(path, about(path)) if path.exists() else None


def _made_at(path: Path, facts: Mapping[str, Any]) -> datetime:
    """When it was made: if the file beside it does not say so, its name does, or when it was last written."""
    with contextlib.suppress(KeyError, TypeError, ValueError):
        return datetime.fromisoformat(facts["made_at"])
    with contextlib.suppress(ValueError):
        return datetime.strptime(path.stem.rpartition("-")[2], f"{NAME}Z").replace(tzinfo=UTC)
    return datetime.fromtimestamp(path.stat().st_mtime, UTC)


def readable(folder: Path) -> Path:
    """Where readers should look.

    Raises:
        ConfigurationError: Nothing has been published yet.
    """
    found = current(folder)
    if found is None:
        raise ConfigurationError(
            f"There is no published copy in {folder.absolute()} yet.",
            hint="Run `taskhouse sync` (or `taskhouse demo`) first. If your history is elsewhere, go to its folder"
            " or set TASKHOUSE_HOME.",
        )
    return found.path


@contextlib.contextmanager
def _alone(warehouse: Warehouse) -> Iterator[None]:
    """Make copies one after the other: an older one must not become current after a newer one."""
    lock = FileLock(warehouse.path.with_suffix(".copy.lock"), thread_local=False)
    try:
        lock.acquire(timeout=warehouse.lock_wait_s)
    except Timeout:
        raise Locked(
            f"Another process has been making a copy of {warehouse.path} for {warehouse.lock_wait_s:g} s.",
            hint="Wait for it to finish, or raise TASKHOUSE_LOCK_WAIT_S. The last copy stays current.",
        ) from None
    try:
        yield
    finally:
        lock.release()


def _young(last: Published, now: datetime) -> bool:
    return 0 <= (now - last.made_at).total_seconds() < last.rest_s  # one from a clock that was ahead is no young one


def _serves(last: Published, *, read: bool, own: bool) -> bool:
    """Whether a generation of the same state is what is asked for."""
    return views.current_in(last.path) and (last.read or not read) and (last.method == "copy" or not own)


def _take(file: BinaryIO, draft: Path) -> bool:
    """Clone or copy the warehouse; whether it is a clone."""
    with draft.open("wb") as target:
        cloned = clone(file, target)
        if not cloned:
            shutil.copyfileobj(file, target, CHUNK)
    return cloned


def crc32(file: BinaryIO) -> int:
    """The CRC-32 of a whole file: the facts of a generation have that of the warehouse, before the views are added."""
    summed = 0
    while block := file.read(CHUNK):
        summed = zlib.crc32(block, summed)
    return summed


def _separate(draft: Path) -> None:
    """Give a clone blocks of its own; nobody waits for the warehouse meanwhile."""
    whole = draft.with_name(f"{draft.name}-own")
    try:
        with draft.open("rb") as file, whole.open("wb") as target:
            shutil.copyfileobj(file, target, CHUNK)
        whole.replace(draft)
    finally:
        whole.unlink(missing_ok=True)


def _reading_due(folder: Path, now: datetime) -> bool:
    """Whether the last generation of which every block was read is old, given how long that took."""
    for path in identity.copies_in(folder):
        facts = about(path)
        if (seconds := _reading_s(facts)) is not None:
            return not 0 <= (now - _made_at(path, facts)).total_seconds() < max(EVERY_S, SHARE * seconds)
    return True


def _reading_s(facts: Mapping[str, Any]) -> float | None:
    """How long it took to read every block of a generation; None if that was not done."""
    found = facts.get("reading_s") if "method" in facts else 0.0
    return None if found is None else float(found)


def _read(warehouse: Warehouse, draft: Path, source: dict[str, int]) -> float:
    """Read every block; returns the seconds that it took."""
    began = time.perf_counter()
    wrong = damage.of(draft)
    damage.note(warehouse.path, source, wrong, warehouse.clock.now())
    if wrong:
        raise warehouse.damaged(wrong)
    return round(time.perf_counter() - began, 4)


def _rename(folder: Path, draft: Path, held: Identity | None, facts: Mapping[str, Any], made: datetime) -> Published:
    path = folder / f"{made:{NAME}}Z.duckdb"
    draft.chmod(0o440 if folder.stat().st_mode & stat.S_ISGID else 0o400)
    Path(f"{path}.wal").unlink(missing_ok=True)
    facts = {"made_at": made.isoformat(), **facts, **(held.facts() if held else {})}
    drafts.publish(draft, path, facts)
    drafts.point(folder / "current.duckdb", path.name)
    _forget(path, held, made)
    return Published.of(path, facts, fresh=True)


def _forget(newest: Path, held: Identity | None, now: datetime) -> None:
    """Remove generations of the same history that a newer one replaces and that need not be kept.

    What stays: the newest ones whose blocks were all read, the newest one with blocks of its own, and clones that
    became old a short while ago, since a reader may know them by name.
    """
    found = [Published.of(path, about(path)) for path in identity.copies_in(newest.parent)]
    found = [each for each in found if each.path == newest or _replaces(held, each.path)]
    stay = {newest, *[each.path for each in found if each.read][:KEPT]}
    stay |= {each.path for each in [each for each in found if each.method == "copy"][:1]}
    for newer, each in pairwise(found):
        if each.method == "clone" and 0 <= (now - newer.made_at).total_seconds() < EVERY_S:
            stay.add(each.path)
    for old in (each.path for each in found if each.path not in stay):
        old.with_suffix(".json").unlink(missing_ok=True)
        old.unlink(missing_ok=True)


def _replaces(held: Identity | None, path: Path) -> bool:
    """Whether a newer generation contains all of another one; without an identity, only its age shows that."""
    before = Identity.beside(path)
    if held is None or before is None:
        made_at = about(path).get("made_at")
        return held is None or made_at is None or datetime.fromisoformat(made_at) >= held.created_at
    return before.id == held.id and before.generation <= held.generation
