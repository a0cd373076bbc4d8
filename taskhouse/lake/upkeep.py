"""What keeps the lake small and forgets what must be forgotten: compacting, rewriting, and publishing a shard anew.

DuckLake's inserts are safe beside each other; its deletes are not beside merges. So rows are deleted by one process
alone: it has the lease of the whole lake, which makes publishers wait, and then updates every mark, so a publication
that had begun before fails and begins again.
"""

import contextlib
import platform
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

import duckdb

from taskhouse.lake.engine import Lake, connect
from taskhouse.lake.leases import EVERYTHING, Leases
from taskhouse.lake.publish import Tick
from taskhouse.lake.service import again, claimed
from taskhouse.lake.tables import DERIVED, SHARED
from taskhouse.settings import Settings
from taskhouse.warehouse import sql

UPKEEP = "*upkeep"
"""The lease of whoever compacts or rewrites."""

HELD_S = 600.0
"""How long publishers wait at most for a process that died while it had the lake to itself."""

OLD = timedelta(hours=1)
"""How old a snapshot, or a file that no snapshot needs, becomes before it is removed: as long as somebody may read."""

TABLES = (*(name for table in SHARED for name in (table.name, table.gone)), *DERIVED, "shards.published")
"""The tables whose files are merged. Marks are not: publishers update them meanwhile."""

BY_TASK = tuple(f"raw.{name}" for name in ("task_versions", "task_sightings", "task_usage", "pinned_sightings"))
BY_RUN = ("raw.run_versions", "raw.run_events", "raw.run_log_entries", "ledger.gaps", "mart.runs", *DERIVED)
MENTIONS = {"raw.task_versions": "latest_run_id", "raw.run_versions": "resume_from_run_id"}


@dataclass(frozen=True, slots=True)
class Kept:
    """What compacting or rewriting did.

    Attributes:
        rows: Rows that were deleted.
        files_before: Files that counted before.
        files: Files that count now.
        removed: Files that were removed from the disk.
    """

    rows: int
    files_before: int
    files: int
    removed: int


class Upkeep:
    """The lake, for one process that looks after it."""

    def __init__(self, lake: Lake, connection: duckdb.DuckDBPyConnection, leases: Leases) -> None:
        self.lake, self.connection, self.leases = lake, connection, leases

    def alone(self) -> None:
        """Have the lake alone, or go on having it: publishers wait, and one that had begun fails."""
        self.leases.claim(EVERYTHING, any_home=True, seconds=HELD_S)
        marks = [name for (name,) in sql.run(self.connection, "lake_upkeep/marks").fetchall()]

        def fence() -> None:
            with sql.atomic(self.connection):
                for mark in marks:
                    self.connection.execute(sql.query("lake_upkeep/fence").format(mark=mark))

        again(self.lake, "Stopping the publishers", fence)

    def files(self) -> int:
        """How many files count."""
        counts = (
            self._run("lake_upkeep/files", table=name.partition(".")[2], schema=name.partition(".")[0])
            for name in TABLES
        )
        return sum(len(found) for found in counts)

    def flush(self) -> None:
        """Write rows that are in the catalogue into files, and those of the marks anew, which always change."""
        self.connection.execute("CALL ducklake_flush_inlined_data('lake')")
        for (mark,) in self._run("lake_upkeep/marks"):
            self._rewrite("shards", str(mark))

    def merge(self) -> None:
        """Merge small files, table by table; others may insert meanwhile."""
        for name in TABLES:
            schema, _, table = name.partition(".")
            text = f"CALL ducklake_merge_adjacent_files('lake', '{table}', schema => '{schema}')"
            again(self.lake, f"Merging the files of {name}", lambda text=text: self.connection.execute(text))  # type: ignore[misc]

    def expire(self, age: timedelta = OLD) -> int:
        """Forget snapshots that are old, and remove the files that only they need; how many files."""
        since = {"age": age}
        self.connection.execute("CALL ducklake_expire_snapshots('lake', older_than => now() - $age)", since)
        text = "CALL ducklake_cleanup_old_files('lake', older_than => now() - $age)"
        return len(self.connection.execute(text, since).fetchall())

    def forget(self, run_or_task: str | None) -> int:
        """Delete superseded rows, and those of a run or a task, in one transaction; how many."""
        rows = 0
        with sql.atomic(self.connection):
            for name in DERIVED:
                rows += self._changed("lake_upkeep/superseded_derived", table=name)
            for table in SHARED:
                rows += self._changed("lake_upkeep/superseded", table=table.name)
                self._changed("lake_upkeep/tombstones", table=table.name)
            self._changed("lake_upkeep/publications")
            if run_or_task is not None:
                rows += self._erase(run_or_task)
        return rows

    def rewrite(self) -> int:
        """Write every file anew that has deleted rows, and remove all that is not needed now; how many were removed."""
        self.flush()
        for name in TABLES:
            schema, _, table = name.partition(".")
            self._rewrite(schema, table)
        self.alone()  # so nobody is about to commit a file that is not known yet
        self.connection.execute("CALL ducklake_expire_snapshots('lake', older_than => now())")
        removed = 0
        for what in ("cleanup_old_files", "delete_orphaned_files"):
            removed += len(self.connection.execute(f"CALL ducklake_{what}('lake', cleanup_all => true)").fetchall())
        return removed

    def _rewrite(self, schema: str, table: str) -> None:
        self.connection.execute(
            f"CALL ducklake_rewrite_data_files('lake', '{table}', schema => '{schema}', delete_threshold => 0)"
        )

    def _erase(self, run_or_task: str) -> int:
        sql.run(self.connection, "lake_upkeep/erased", id=run_or_task)
        rows = sum(self._changed("lake_upkeep/erase", table=name, column="task_id") for name in BY_TASK)
        rows += sum(self._changed("lake_upkeep/erase", table=name, column="run_id") for name in BY_RUN)
        rows += self._changed("lake_upkeep/erase", table="ledger.cursors", column="key")
        rows += self._changed("lake_upkeep/erase_quarantine")
        self._changed("lake_upkeep/erase_keys")
        for name, column in MENTIONS.items():
            self._changed("lake_upkeep/erase_mentions", table=name, column=column)
        return rows

    def _changed(self, address: str, **names: str) -> int:
        text = sql.query(address).format(**names)
        return int(self.connection.execute(text).fetchall()[0][0])

    def _run(self, address: str, **values: object) -> list[tuple[object, ...]]:
        return sql.run(self.connection, address, **values).fetchall()


@contextlib.contextmanager
def looking_after(settings: Settings) -> Iterator[Upkeep]:
    """The lake, while no other process compacts or rewrites it.

    Raises:
        ConfigurationError: A setting is missing.
        Locked: Another process compacts or rewrites the lake.
        Retryable: The catalogue did not answer.
    """
    lake = Lake.of(settings)
    with contextlib.closing(connect(lake, spill=settings.home / "lake.tmp")) as connection:
        leases = Leases(lake, connection, "", f"{platform.node()}:{settings.home.absolute()}")
        try:
            leases.prepare()
            leases.claim(UPKEEP, any_home=True, seconds=HELD_S)
            try:
                yield Upkeep(lake, connection, leases)
            finally:
                leases.release(EVERYTHING)
                leases.release(UPKEEP)
        except duckdb.Error as problem:
            raise lake.failed(problem, "Looking after the lake") from None


def compact(settings: Settings) -> Kept:
    """Merge small files, and remove what is older than an hour and not needed; raises as :func:`looking_after`."""
    with looking_after(settings) as upkeep:
        before = upkeep.files()
        upkeep.alone()
        upkeep.flush()
        upkeep.leases.release(EVERYTHING)
        upkeep.merge()
        removed = upkeep.expire()
        return Kept(0, before, upkeep.files(), removed)


def rewrite(settings: Settings, run_or_task: str | None = None) -> Kept:
    """Delete superseded rows, and those of a run or a task, from every file, while publishers wait.

    Args:
        settings: The settings.
        run_or_task: The id of a run or a task.

    Raises:
        ConfigurationError: A setting is missing.
        Locked: Another process compacts or rewrites the lake.
        Retryable: The catalogue did not answer.
    """
    with looking_after(settings) as upkeep:
        before = upkeep.files()
        upkeep.alone()
        rows = upkeep.forget(run_or_task)
        removed = upkeep.rewrite()
        return Kept(rows, before, upkeep.files(), removed)


def rebuild(settings: Settings) -> Tick:
    """Delete what the lake has of this shard, and publish the newest copy, in one transaction.

    Raises:
        ConfigurationError: A setting is missing, or nothing was published here yet.
        Locked: Another process publishes this shard, or compacts or rewrites the lake.
        Retryable: The catalogue did not answer.
    """
    with looking_after(settings) as upkeep, claimed(settings) as publisher:
        publisher.claim(any_home=True)
        upkeep.alone()
        return again(upkeep.lake, "Publishing anew", publisher.shard.anew)
