"""Backups: complete DuckDB files in a folder of the user, each with its checksum, made while a sync runs.

DIR/<time>Z.duckdb     a published copy, which is consistent; no commit waits while it is copied
DIR/<time>Z.json       its identity, when it was made, its size and its SHA-256

A copy that is already in the folder and is intact is not copied again. Its number is not enough to recognize it: if a
home was copied, both homes continue from the same commit. A home removes only backups that it wrote itself
(``writer``).
"""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from filelock import FileLock, Timeout

from taskhouse.errors import ConfigurationError, Corrupt, Locked
from taskhouse.home import require_folder, writing
from taskhouse.spool.folder import sync_folder
from taskhouse.warehouse import damage, drafts, identity, writer
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.identity import Identity, about
from taskhouse.warehouse.publish import NAME, publish

CHUNK = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Retention:
    """Which backups stay: a number of the newest, and the newest of each of a number of days and weeks; 0 means none.

    If all are 0, every backup stays.
    """

    last: int = 0
    daily: int = 0
    weekly: int = 0

    def keeps(self, made: Sequence[datetime]) -> set[datetime]:
        """The times whose backups stay; backups are given newest first, and the newest always stays.

        Their commits decide which is the newest, because a clock that was ahead makes a time later, but not a backup.
        """
        if not (self.last or self.daily or self.weekly):
            return set(made)
        stay = set(made[: max(1, self.last)])
        for count, period in ((self.daily, datetime.date), (self.weekly, _week)):
            stay |= _newest_of_each(made, period, count)
        return stay


def _week(moment: datetime) -> tuple[int, int]:
    return moment.isocalendar()[:2]


def _newest_of_each(made: Sequence[datetime], period: Callable[[datetime], object], count: int) -> set[datetime]:
    newest: dict[object, datetime] = {}
    for moment in made:
        newest.setdefault(period(moment), moment)
    return set(list(newest.values())[:count])


@dataclass(frozen=True, slots=True)
class Backup:
    """What was done.

    Attributes:
        path: The backup that contains the newest commit.
        identity: What it contains.
        fresh: Whether it was written by this call; otherwise that commit was there already.
        mended: Whether the existing file of that commit was damaged and was written again.
        removed: How many backups were removed.
        left: How many there are now.
        others: Those that stay in any case, because this home cannot prove that it wrote them.
    """

    path: Path
    identity: Identity
    fresh: bool
    mended: bool
    removed: int
    left: int
    others: tuple[Path, ...]


def backup(warehouse: Warehouse, folder: Path, retention: Retention) -> Backup:
    """Write the newest commit into a folder, unless it is there already, and remove backups that need not be kept.

    Raises:
        ConfigurationError: There is nothing to back up, or the folder is part of the home or belongs to another home.
        Corrupt: The warehouse or its copy is damaged; no backup is removed.
        Full: There is no room for it.
        Locked: Another process has used the warehouse or the folder for too long.
    """
    require_folder(folder)
    copies = warehouse.copies
    publication = publish(warehouse, copies, read=True) if copies else None
    if publication is None:
        raise warehouse.empty()
    if folder.resolve().is_relative_to(warehouse.path.parent.resolve()):
        raise ConfigurationError(
            f"{folder} is inside the home {warehouse.path.parent}.", hint="Name a folder on another disk."
        )
    with writing(folder, "folder"):
        folder.mkdir(exist_ok=True)
    with _alone(folder, warehouse.lock_wait_s):
        newest = Identity.beside(publication.path)
        if newest is None:
            raise ConfigurationError(
                f"{publication.path} does not say which home it belongs to.", hint="Run `taskhouse sync` first."
            )
        backups = [
            (path, content) for path in identity.copies_in(folder) if (content := Identity.beside(path)) is not None
        ]
        if any(content.id != newest.id for _, content in backups):
            raise ConfigurationError(
                f"{folder} contains backups of another home, and this is {newest}.",
                hint="Give each home its own folder.",
            )
        same_commit = [path for path, content in backups if content.generation == newest.generation]
        digest = _digest(publication.path) if same_commit else ""
        same_commit = [path for path in same_commit if about(path).get("sha256") == digest]
        path = next((path for path in same_commit if _digest(path) == digest), None)
        fresh, damaged = path is None, same_commit[0] if same_commit else None
        if path is None:
            path = _write(publication.path, folder, newest, warehouse, damaged)
        removed, others = _forget(folder, retention, path, warehouse.path)
        return Backup(
            path, newest, fresh, fresh and damaged is not None, removed, len(identity.copies_in(folder)), others
        )


@contextmanager
def _alone(folder: Path, wait_s: float) -> Iterator[None]:
    try:
        with FileLock(folder / ".lock", timeout=wait_s, thread_local=False):
            yield
    except Timeout:
        raise Locked(
            f"Another process has been writing a backup into {folder} for {wait_s:g} s.", hint="Wait for it to finish."
        ) from None


def _write(source: Path, folder: Path, held: Identity, warehouse: Warehouse, damaged: Path | None) -> Path:
    """Write a backup with the present time as its name, or in place of a damaged one of the same commit."""
    digest, size, made = hashlib.sha256(), 0, warehouse.clock.now()
    with drafts.draft(folder) as draft:
        with source.open("rb") as original, draft.open("wb") as copy:
            while block := original.read(CHUNK):
                digest.update(block)
                size += copy.write(block)
            copy.flush()
            os.fsync(copy.fileno())
        _sound(draft, source)
        draft.chmod(0o400)
        path = damaged or folder / f"{made:{NAME}}Z.duckdb"
        facts = held.facts() | {"made_at": made.isoformat(), "bytes": size, "sha256": digest.hexdigest()}
        facts |= about(damaged) if damaged else {}
        writer.sign(warehouse.path, digest.hexdigest())
        drafts.publish(draft, path, facts)
    sync_folder(folder)
    return path


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sound(copy: Path, path: Path) -> None:
    if wrong := damage.of(copy):
        raise Corrupt(
            f"{path} is damaged: {wrong}.",
            hint="Remove that file, then run the command again: it is written again. No backup was removed.",
        )


def _forget(folder: Path, retention: Retention, newest: Path, warehouse: Path) -> tuple[int, tuple[Path, ...]]:
    """Remove the backups of older commits that this home wrote and that need not be kept.

    Returns how many were removed, and the backups that this home did not write, if any retention was requested.
    """
    upto, ours, backups = _generation(newest), set(writer.wrote(warehouse)), identity.copies_in(folder)
    times = {
        path: datetime.fromisoformat(facts["made_at"])
        for path in backups
        if (facts := about(path)) and (path == newest or (_generation(path) < upto and facts.get("sha256") in ours))
    }
    stay = retention.keeps(list(times.values()))
    superfluous = [path for path, moment in times.items() if moment not in stay]
    if superfluous:
        checksums = {str(about(path).get("sha256")) for path in superfluous}
        for path in superfluous:
            path.unlink()
            path.with_suffix(".json").unlink()
        writer.forget(warehouse, checksums)
    others = tuple(path for path in backups if path not in times) if retention != Retention() else ()
    return len(superfluous), others


def _generation(path: Path) -> int:
    content = Identity.beside(path)
    return content.generation if content else 0
