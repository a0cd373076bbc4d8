"""Maintenance of the warehouse: delete pages that brought nothing, and return unused space.

The history is never deleted: every version, event, pass and gap stays.
"""

import os
import shutil
from dataclasses import dataclass
from datetime import UTC, timedelta
from pathlib import Path

import duckdb

from taskhouse.clock import Clock
from taskhouse.errors import Corrupt
from taskhouse.resources.registry import TABLES
from taskhouse.warehouse import damage, migrate, preimage, restore, sql, views
from taskhouse.warehouse.connection import Warehouse
from taskhouse.warehouse.engine import COMPATIBILITY, checkpoint_at_commit, connect
from taskhouse.warehouse.lock import commit_lock

FREE_SHARE = 0.25
"""From this share of unused blocks on, the file is rewritten."""

PAGES_DAYS = 90
"""How long the ledger keeps pages that brought nothing new: after that, they prove nothing any more."""

ASIDE_DAYS = 30
"""On how many days something must have been synced until what a repair or ``taskhouse restore`` kept is deleted."""

SMALL = 64 * 1024 * 1024
"""Files smaller than this, in bytes, are not worth rewriting."""


@dataclass(frozen=True, slots=True)
class Compaction:
    """What happened to the file.

    Attributes:
        before: Its size in bytes.
        after: Its size afterwards.
        free_share: Share of it that was unused before.
        done: Whether it was rewritten.
        reason: Why it was, or was not.
    """

    before: int
    after: int
    free_share: float
    done: bool
    reason: str


def forget(warehouse: Warehouse, *, days: int = PAGES_DAYS) -> int:
    """Forget pages that no row names and that are older than ``days``, and what was set aside; returns how many pages.

    What repairs overwrote and what ``taskhouse restore`` replaced is deleted after ``ASIDE_DAYS``.

    Raises:
        Locked: Another process has locked the warehouse for too long.
    """
    now = warehouse.clock.now()
    named = " UNION ".join(f"SELECT pass_id, page FROM raw.{table.name}" for table in TABLES if table.paged)  # noqa: S608
    with warehouse.transaction("forgetting old pages") as connection:
        before = {"before": now - timedelta(days=days)}
        pages = len(connection.execute(sql.query("maintenance/pages").format(tables=named), before).fetchall())
        lived = sql.run(connection, "maintenance/lived", days=ASIDE_DAYS).fetchone()
    if lived is not None:
        until = lived[0].astimezone(UTC)
        preimage.forget(warehouse.path, until)
        restore.forget(warehouse.path, warehouse.copies, until)
    return pages


def read(warehouse: Warehouse) -> None:
    """Read every block of the file itself, which a publication does only if it has something to copy.

    Commits wait meanwhile.

    Raises:
        Locked: Another process has locked the warehouse for too long.
        Corrupt: It is damaged; from then on nothing is written into it.
    """
    if not warehouse.exists():
        return
    locked = commit_lock(warehouse.path, purpose="reading every block", wait_s=warehouse.lock_wait_s)
    with locked, warehouse.path.open("rb") as file, warehouse.opened() as connection:
        connection.execute("CHECKPOINT")
        found, wrong = damage.state(warehouse.path), damage.within(file, connection)
    damage.note(warehouse.path, found, wrong, warehouse.clock.now())
    if wrong:
        raise warehouse.damaged(wrong)


def compact(warehouse: Warehouse, *, free_share: float = FREE_SHARE, small: int = SMALL) -> Compaction:
    """Rewrite the file without its unused blocks, if there are many and there is room for a second file.

    Commits wait meanwhile. The new file replaces the old one in one step, and only if it has as many rows in every
    table.

    Raises:
        Locked: Another process has locked the warehouse for too long.
        Corrupt: The new file does not contain what the old one does; the old one stays.
    """
    if not warehouse.exists():
        return Compaction(0, 0, 0.0, done=False, reason="there is no warehouse yet")
    with commit_lock(warehouse.path, purpose="compacting", wait_s=warehouse.lock_wait_s):
        for left in warehouse.path.parent.glob(f".{warehouse.path.name}.compact-*"):
            left.unlink()
        with warehouse.opened() as connection:
            connection.execute("CHECKPOINT")
            size, unused = sql.run(connection, "catalog/size").fetchall()[0]
            unused = float(unused or 0)
            reason = _reason(warehouse.path, size, unused, free_share, small)
            if reason:
                return Compaction(size, size, unused, done=False, reason=reason)
            draft = warehouse.path.with_name(f".{warehouse.path.name}.compact-{os.getpid()}")
            try:
                after = _rewrite(connection, draft, warehouse.clock)
            except BaseException:
                draft.unlink(missing_ok=True)
                raise
        with draft.open("rb+") as file:
            os.fsync(file.fileno())
        draft.replace(warehouse.path)
    return Compaction(size, after, unused, done=True, reason=f"{unused:.0%} of it was unused")


def _reason(path: Path, size: int, unused: float, free_share: float, small: int) -> str:
    """Why the file stays as it is; empty if it does not."""
    if size < small:
        return f"the file is smaller than {small / 1e6:.0f} MB"
    if unused < free_share:
        return f"{unused:.0%} of it is unused, less than {free_share:.0%}"
    if shutil.disk_usage(path.parent).free < 2 * size:
        return "the disk has no room for a second file"
    return ""


def _rewrite(old: duckdb.DuckDBPyConnection, draft: Path, clock: Clock) -> int:
    """Copy every table into a new file of the same schema; returns its size."""
    tables = [name for (name,) in sql.run(old, "catalog/tables").fetchall()]
    zone = views.current_zone(old)
    with connect(draft, storage_compatibility_version=COMPATIBILITY) as new:
        migrate.upgrade(new, clock)
        views.prepare(new, draft.parent, clock, zone=zone)
    checkpoint_at_commit(old)  # of the new file; nothing is written into the old one any more
    place = str(draft).replace("'", "''")
    old.execute(f"ATTACH '{place}' AS compacted (STORAGE_VERSION '{COMPATIBILITY}')")
    try:
        for name in tables:
            if name != "ledger.views":
                old.execute(f"DELETE FROM compacted.{name}")  # noqa: S608 - our own names
                old.execute(f"INSERT INTO compacted.{name} BY NAME SELECT * FROM {name}")  # noqa: S608
                held, kept = old.execute(
                    f"SELECT (SELECT count(*) FROM {name}), (SELECT count(*) FROM compacted.{name})"  # noqa: S608
                ).fetchall()[0]
                if held != kept:
                    raise Corrupt(f"Compacting kept {kept} of {held} rows of {name}; the file was left unchanged.")
        old.execute("CHECKPOINT compacted")
    finally:
        old.execute("DETACH compacted")
    return draft.stat().st_size
