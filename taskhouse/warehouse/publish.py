"""Read-only copies of the warehouse, so that readers and writers never wait for each other.

published/<generation>.duckdb   mode 0400, under a new name each time; 0440 if the folder gives them to a group
published/<generation>.json     what it was copied from, and how long that took
published/current.duckdb        a link to the newest, replaced atomically
"""

import contextlib
import os
import shutil
import stat
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from taskhouse.errors import ConfigurationError, Locked
from taskhouse.warehouse import damage, drafts, identity
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.identity import Identity, about

CHUNK = 8 * 1024 * 1024
NAME = "%Y%m%dT%H%M%S%f"
KEPT = 2
"""Generations that stay; a process that has an older one open keeps it until it closes it."""

EVERY_S = 300.0
"""Shortest time between two copies: each one reads and writes the whole warehouse."""

COPY_SHARE = 50
"""A copy is made at most every 50 times as long as the last one took."""


@dataclass(frozen=True, slots=True)
class Published:
    """The copy that is current, and whether it was made just now.

    Attributes:
        path: The generation's own path, not the link.
        made_at: When it was copied.
        seconds: How long copying took, with reading every block of the copy.
        bytes: Its size.
        fresh: Whether this call made it.
    """

    path: Path
    made_at: datetime
    seconds: float
    bytes: int
    fresh: bool

    def rests_s(self, every_s: float = EVERY_S) -> float:
        """How long no newer copy is made, given the requested interval in seconds."""
        return max(every_s, COPY_SHARE * self.seconds)


def publish(warehouse: Warehouse, folder: Path, *, every_s: float = EVERY_S, force: bool = False) -> Published | None:
    """Copy the warehouse, unless nothing changed or the last copy is too recent; None if there is nothing to copy.

    Raises:
        Corrupt: The warehouse is damaged; the last copy stays current, and none is removed.
        Locked: Another process has locked the warehouse for too long; the last copy stays current.
        Full: The disk has no room for another copy; the last one stays current.
    """
    last = current(folder)
    if last is not None and not force and _young(last, every_s, warehouse.clock.now()):
        return last
    if not warehouse.exists():
        return last
    folder.mkdir(parents=True, exist_ok=True)
    began = time.perf_counter()
    with _alone(warehouse), drafts.draft(folder) as draft:
        with warehouse.still("publishing a copy") as (file, held):
            source = damage.state(warehouse.path)
            last = current(folder)
            if last is not None and about(last.path).get("source") == source:
                return last
            with draft.open("wb") as copy:
                shutil.copyfileobj(file, copy, CHUNK)
        wrong = damage.of(draft)
        damage.note(warehouse.path, source, wrong, warehouse.clock.now())
        if wrong:
            raise warehouse.damaged(wrong)
        copying_s = round(time.perf_counter() - began, 3)
        return _rename(folder, draft, held, source, copying_s, warehouse.clock.now())


def current(folder: Path) -> Published | None:
    """The newest copy, if there is one."""
    link = folder / "current.duckdb"
    if not link.is_symlink():
        return None
    path = folder / link.readlink()
    if not path.exists():
        return None
    facts = about(path)
    return Published(path, _made_at(path, facts), float(facts.get("seconds", 0.0)), path.stat().st_size, fresh=False)


def _made_at(path: Path, facts: Mapping[str, Any]) -> datetime:
    """When a copy was made: if the file beside it does not say so, its name does, or when it was last written."""
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


def _young(last: Published, every_s: float, now: datetime) -> bool:
    age = (now - last.made_at).total_seconds()
    return 0 <= age < last.rests_s(every_s)  # one from a clock that was ahead is no young one


def _rename(
    folder: Path, draft: Path, held: Identity | None, source: dict[str, int], seconds: float, made: datetime
) -> Published:
    path = folder / f"{made:{NAME}}Z.duckdb"
    with draft.open("rb+") as file:
        os.fsync(file.fileno())
    draft.chmod(0o440 if folder.stat().st_mode & stat.S_ISGID else 0o400)
    Path(f"{path}.wal").unlink(missing_ok=True)
    facts = {"made_at": made.isoformat(), "seconds": seconds, "source": source} | (held.facts() if held else {})
    drafts.publish(draft, path, facts)
    drafts.point(folder / "current.duckdb", path.name)
    _forget(path, held)
    return Published(path, made, seconds, path.stat().st_size, fresh=True)


def _forget(newest: Path, held: Identity | None) -> None:
    """Remove the copies of the same history that are older than the newest ones."""
    older = [path for path in identity.copies_in(newest.parent) if path != newest and _replaces(held, path)]
    for old in older[KEPT - 1 :]:
        old.with_suffix(".json").unlink(missing_ok=True)
        old.unlink(missing_ok=True)


def _replaces(held: Identity | None, path: Path) -> bool:
    """Whether a newer copy contains all of a copy; without an identity, only its age shows that."""
    before = Identity.beside(path)
    if held is None or before is None:
        made_at = about(path).get("made_at")
        return held is None or made_at is None or datetime.fromisoformat(made_at) >= held.created_at
    return before.id == held.id and before.generation <= held.generation
