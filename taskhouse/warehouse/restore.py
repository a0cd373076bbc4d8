"""Restore a published copy or a backup as the warehouse, or accept a file that the user has put in its place.

Nothing is deleted: the old file is kept as ``warehouse.replaced-<time>.duckdb``, and copies that contain more than the
restored one as ``kept-<name>``, until the maintenance removes them. The restored warehouse continues to count from the
highest commit that this home has seen, so that copies of later commits are newer than all earlier ones.
"""

import hashlib
import logging
import os
import shutil
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from taskhouse.errors import ConfigurationError, Corrupt
from taskhouse.warehouse import damage, drafts, identity, migrate, sql
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.engine import COMPATIBILITY, connect
from taskhouse.warehouse.identity import Identity, about
from taskhouse.warehouse.lock import commit_lock
from taskhouse.warehouse.preimage import beside

REPLACED, KEPT = ".replaced-", "kept-"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was done.

    Attributes:
        taken: What the warehouse contains now; None for an empty one.
        before: What it contained before; None if there was no file, or none that could be read.
        aside: Where the old file is now.
        kept: Copies that contain more than the restored one.
    """

    taken: Identity | None
    before: Identity | None
    aside: Path | None
    kept: tuple[Path, ...]


def find(source: Path | None, copies: Path, *, restoring: bool = True) -> Path:
    """The file to restore: the newest sound copy or backup of a folder, or the given file.

    Args:
        source: The given file or folder.
        copies: The folder of published copies, used if none is given.
        restoring: Whether it will be restored and not only read; then an empty history is an alternative.

    Raises:
        ConfigurationError: There is none.
        Corrupt: None of them is sound.
    """
    folder = copies if source is None else source
    if folder.is_file():
        return folder
    files = identity.copies_in(folder)
    if not files:
        raise ConfigurationError(
            f"There is nothing to restore in {folder.absolute()}.",
            hint="Name a backup: a DuckDB file, or a folder that `taskhouse backup` wrote."
            + (" `taskhouse restore --empty` starts an empty history." if restoring else "")
            + (" If your history is elsewhere, go to its folder or set TASKHOUSE_HOME." if source is None else ""),
        )
    for path in files:
        wrong = damage.of(path) or _changed(path)
        if not wrong:
            return path
        logging.getLogger("taskhouse").warning("%s is skipped, since it is damaged: %s.", path, wrong)
    raise Corrupt(
        f"None of the {len(files)} files in {folder} can be restored: all are damaged.",
        hint="Name a folder with other backups, or the file of a backup."
        + (" `taskhouse restore --empty` starts an empty history." if restoring else ""),
    )


def restore(warehouse: Warehouse, source: Path | None, *, over: bool = False) -> Restored:
    """Make ``source`` the warehouse; None starts an empty one.

    Args:
        warehouse: The one that is replaced.
        source: A published copy, a backup, or the file of the warehouse itself, which accepts it as it is.
        over: Replace a warehouse that is sound.

    Raises:
        ConfigurationError: The warehouse is sound, or the source is from another host or a newer taskhouse.
        Corrupt: The source cannot be read, or has changed since it was written.
        Full: The disk has no room for it.
        Locked: Another process has locked the warehouse for too long.
    """
    path, folder = warehouse.path, warehouse.copies
    source_identity = look(source) if source is not None and not _same_file(source, path) else None
    with commit_lock(path, purpose="restoring", wait_s=warehouse.lock_wait_s):
        known = identity.known_of(path, folder)
        before, wrong = _there(warehouse)
        if path.exists() and not wrong:
            if damage.noted(path):
                damage.forget(path)
            damage.note(path, damage.state(path), "", warehouse.clock.now())
        if before is not None and not wrong and not over and _sound(before, known):
            raise ConfigurationError(
                f"The warehouse {path} is sound, up to commit {before.generation}: there is nothing to restore.",
                hint="To restore anyway, run the command again with `--replace`. This file is kept next to it.",
            )
        identities = [
            one for one in (known, source_identity, before, *map(Identity.beside, identity.copies_in(folder))) if one
        ]
        generation = 1 + max((one.generation for one in identities), default=0)
        if source is not None and source_identity is None:
            if wrong:
                raise warehouse.damaged(wrong)
            with warehouse.as_it_is() as connection:
                numbered = _number(connection, warehouse, generation)
            aside, source_identity = None, before
        else:
            with drafts.draft(path.parent, f".{path.name}.restore") as draft:
                if source is not None:
                    _copy(source, draft)
                    if (log := Path(f"{source}.wal")).exists():  # of a file that was in use
                        shutil.copyfile(log, f"{draft}.wal")
                with connect(draft, storage_compatibility_version=COMPATIBILITY) as connection:
                    numbered = _number(connection, warehouse, generation)
                with draft.open("rb+") as file:
                    os.fsync(file.fileno())
                aside = _set_aside(path, warehouse.clock.now())
                draft.replace(path)
        numbered.note(path)
        return Restored(source_identity, before, aside, _keep(folder, source_identity))


def look(path: Path) -> Identity:
    """What a copy or a backup contains.

    Raises:
        Corrupt: It cannot be read, or is damaged.
        ConfigurationError: It is not a taskhouse warehouse.
    """
    another = "Restore another copy or backup."
    try:
        with connect(path, read_only=True) as connection:
            content = identity.read(connection)
    except duckdb.Error as problem:
        raise Corrupt(f"{path} cannot be opened: {damage.first_line(problem)}.", hint=another) from None
    if content is None:
        raise ConfigurationError(f"{path} is not a taskhouse warehouse.", hint="Name a published copy or a backup.")
    if wrong := damage.of(path):
        raise Corrupt(f"{path} is damaged: {wrong}.", hint=another)
    return content


def forget(path: Path, copies: Path | None, before: datetime) -> int:
    """Delete what was replaced or kept before a moment, except a copy that readers use; returns how many files."""
    kept_copies = list(copies.glob(f"{KEPT}*")) if copies else []
    current = (copies / "current.duckdb").resolve() if copies else None
    old = [
        file
        for file in (*path.parent.glob(f"{path.stem}{REPLACED}*"), *kept_copies)
        if _aside_since(file) < before and current not in {file.resolve(), file.with_suffix(path.suffix).resolve()}
    ]
    for file in old:
        file.unlink()
    return len(old)


def _aside_since(file: Path) -> datetime:
    """When a file was set aside: when its last link was created or it was moved, or later."""
    return datetime.fromtimestamp(file.stat().st_ctime, UTC)


def _same_file(one: Path, other: Path) -> bool:
    return other.exists() and one.samefile(other)


def _there(warehouse: Warehouse) -> tuple[Identity | None, str]:
    """What the present file contains, None if there is none that can be read; and what is wrong with it."""
    if not warehouse.path.exists():
        return None, ""
    try:
        with warehouse.path.open("rb") as file, warehouse.as_it_is() as connection:
            wrong = damage.within(file, connection)
            content = identity.read(connection)
            return (content if content is not None and identity.holds(connection) else None), wrong
    except Corrupt as problem:
        return None, problem.message
    except duckdb.Error as problem:
        return None, damage.first_line(problem)


def _sound(there: Identity, known: Identity | None) -> bool:
    return known is None or (there.id == known.id and there.generation >= known.generation)


def _copy(source: Path, draft: Path) -> None:
    """Copy a file, and compare it with the checksum beside a backup.

    Raises:
        Corrupt: It has changed since it was written.
    """
    shutil.copyfile(source, draft)
    if _changed(source, draft):
        raise Corrupt(f"The backup {source} has changed since it was written.", hint="Restore another one.")


def _changed(path: Path, copy: Path | None = None) -> str:
    """Whether a file, or the copy of it, differs from the checksum beside the file."""
    checksum = about(path).get("sha256")
    if checksum is None:
        return ""
    with (copy or path).open("rb") as file:
        return "" if hashlib.file_digest(file, "sha256").hexdigest() == checksum else "it is not as it was written"


def _number(connection: duckdb.DuckDBPyConnection, warehouse: Warehouse, generation: int) -> Identity:
    """Bring a file up to date, check its host, and let it continue to count from a generation."""
    connection.execute("SET TimeZone = 'UTC'")
    migrate.upgrade(connection, warehouse.clock)
    identity.bind(connection, warehouse.host, warehouse.clock)
    sql.run(connection, "identity/number", generation=generation)
    content = identity.read(connection)
    assert content is not None  # noqa: S101 - it was bound
    return replace(content, generation=generation)


def _set_aside(path: Path, now: datetime) -> Path | None:
    """Move a warehouse away, with what belongs to it; returns where it is now."""
    target = path.with_name(f"{path.stem}{REPLACED}{now:%Y%m%dT%H%M%S%f}Z{path.suffix}")
    moved = path.exists()
    for part in ("", ".wal"):
        if (old := Path(f"{path}{part}")).exists():
            old.replace(f"{target}{part}")
    beside(path).unlink(missing_ok=True)
    damage.forget(path)
    return target if moved else None


def _keep(folder: Path | None, taken: Identity | None) -> tuple[Path, ...]:
    """Keep the copies that contain what the warehouse does not; readers continue with the newest of them."""
    copies: list[Path] = []
    for path in identity.copies_in(folder):
        content = Identity.beside(path)
        if content is not None and (taken is None or content.id != taken.id or content.generation > taken.generation):
            copies.append(keep(path))
            if len(copies) == 1:
                drafts.point(path.with_name("current.duckdb"), copies[0].name)
            for part in (".json", path.suffix):
                path.with_suffix(part).unlink()
    return tuple(copies)


def keep(path: Path) -> Path:
    """Keep a copy under another name; returns that name."""
    target = path.with_name(f"{KEPT}{path.name}")
    for part in (".json", path.suffix):
        target.with_suffix(part).unlink(missing_ok=True)
        os.link(path.with_suffix(part), target.with_suffix(part))
    return target
