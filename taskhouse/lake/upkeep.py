"""What keeps the lake small and forgets what must be forgotten: compacting, rewriting, and publishing a shard anew.

DuckLake's inserts are safe beside each other; its deletes are not beside merges. So rows are deleted by one process
alone: it has the lease of the whole lake, which makes publishers wait, and then updates every mark, so a publication
that had begun before fails and begins again.
"""

import contextlib
import platform
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from typing import Any, TypeVar

import duckdb
from filelock import Timeout

from taskhouse.errors import ConfigurationError, Locked
from taskhouse.lake import claims, erasure
from taskhouse.lake.catalogue import Catalogue
from taskhouse.lake.damage import Damaged, check, take_out
from taskhouse.lake.engine import Lake, connect
from taskhouse.lake.leases import EVERYTHING, UPKEEP, Leases, renewed
from taskhouse.lake.results import Files, Kept, Rebuilt
from taskhouse.lake.service import LOCAL_WAIT_S, again, claimed, upkeep_lock
from taskhouse.lake.tables import DERIVED, SHARED
from taskhouse.settings import Settings
from taskhouse.warehouse import sql

T = TypeVar("T")
HELD_S = 120.0
"""How long publishers wait at most for a process that died while it had the lake to itself; it renews its leases."""

OLD = timedelta(hours=1)
"""How old a snapshot, or a file that no snapshot needs, becomes before it is removed: as long as somebody may read."""

LEFT = timedelta(days=1)
"""How old a file becomes that the catalogue does not know before it is removed. A publication that was killed left it;
but one that goes on writes its files first and notes them at its end, by another machine's clock."""

LATER = {"postgres": timedelta(0), "sqlite": timedelta(days=1)}
"""How much older it becomes with a catalogue in SQLite. There, times are texts, and DuckLake compares those of one day
wrongly: without this, it removes at once what became old today."""

TABLES = (*(name for table in SHARED for name in (table.name, table.gone)), *DERIVED, "shards.published")
"""The tables whose files are merged while others insert. Marks are merged while nobody publishes."""


class Upkeep:
    """The lake, for one process that looks after it."""

    def __init__(self, lake: Lake, connection: duckdb.DuckDBPyConnection, leases: Leases) -> None:
        self.lake, self.connection, self.leases = lake, connection, leases

    def alone(self) -> None:
        """Have the lake alone, or go on having it: publishers wait, and one that had begun fails."""
        self.go_on()
        self.leases.claim(EVERYTHING, any_home=True, seconds=HELD_S)
        marks = [name for (name,) in sql.run(self.connection, "lake_upkeep/marks").fetchall()]

        def fence() -> None:
            try:
                with sql.atomic(self.connection):
                    for mark in marks:
                        self.connection.execute(sql.query("lake_upkeep/fence").format(mark=mark))
            except duckdb.Error:  # whoever publishes with a mark that cannot be read fails anyway
                lost = {one.table for one in check(self.connection, {f"shards.{mark}" for mark in marks}).damaged}
                marks[:] = [mark for mark in marks if f"shards.{mark}" not in lost]
                raise

        again(self.lake, "Stopping the publishers", fence)

    def go_on(self) -> None:
        """Make sure that no other process looks after the lake, because this one was stopped for too long."""
        self.leases.claim(UPKEEP, any_home=True, seconds=HELD_S)

    def files(self) -> Files:
        """What counts now."""
        found = self._files()
        return Files(sum(count for count, _ in found.values()), sum(size for _, size in found.values()))

    def _files(self) -> dict[str, tuple[int, int]]:
        rows = sql.run(self.connection, "lake_upkeep/files").fetchall()
        return {name: (count, size) for name, count, size in rows}

    def flush(self) -> int:
        """Write the rows that are in the catalogue into files, and those of the marks into one file each; how many."""
        flushed = self._call("FROM ducklake_flush_inlined_data('lake')")
        for (mark,) in self._run("lake_upkeep/marks"):
            self._rewrite("shards", str(mark))
            self._merge(f"shards.{mark}")
        return sum(int(rows) for *_, rows in flushed)

    def merge(self) -> None:
        """Merge the files of each table that has several; others may insert meanwhile."""
        found = self._files()
        for name in TABLES:
            if found.get(name, (0, 0))[0] > 1:
                self._merge(name)

    def _merge(self, name: str) -> None:
        schema, _, table = name.partition(".")
        self.go_on()
        self._call(f"CALL ducklake_merge_adjacent_files('lake', '{table}', schema => '{schema}')")

    def expire(self) -> int:
        """Forget snapshots that are old, remove the files that only they need or nobody knows; how many files."""
        since = {"age": OLD + LATER[self.lake.kind]}
        self._call("CALL ducklake_expire_snapshots('lake', older_than => now() - $age)", since)
        removed = self._call("CALL ducklake_cleanup_old_files('lake', older_than => now() - $age)", since)
        left = {"age": LEFT}
        return len(
            removed + self._call("CALL ducklake_delete_orphaned_files('lake', older_than => now() - $age)", left)
        )

    def mend(self, shard: str) -> tuple[tuple[Damaged, ...], list[str]]:
        """Take files out of the catalogue that cannot be read and may have rows of a shard; which shards lost rows.

        Raises:
            ConfigurationError: The fault is not in the files.
        """
        checked = check(self.connection, shard=shard)
        if not checked.damaged:
            return (), []
        place = str(self.lake.data or "the lake")
        return checked.damaged, self._again(lambda: take_out(self.connection, checked, place))

    def find(self, run_or_task: str) -> None:
        """Have a run, or a task and its runs, erased by the next :meth:`forget`, and never published again.

        Raises:
            ConfigurationError: The lake has nothing of it.
        """
        sql.run(self.connection, "lake_erasure/found", id=run_or_task)
        ids = [str(each) for (each,) in self._run("lake_erasure/listed")]
        catalogue = self.leases.catalogue
        if not ids and run_or_task not in erasure.remembered(catalogue):
            raise ConfigurationError(
                f"The lake has no run or task {run_or_task}.",
                hint='`taskhouse query --lake "FROM runs SELECT run_id, task_id"` lists them.',
            )
        erasure.remember(catalogue, {run_or_task, *ids})
        self.alone()  # a publication that has not seen this yet fails

    def forget(self, *, erase: bool) -> int:
        """Delete superseded rows, and what :meth:`find` found, in one transaction; how many."""
        self.go_on()
        return self._again(lambda: self._forget(erase=erase))

    def _forget(self, *, erase: bool) -> int:
        rows = 0
        with sql.atomic(self.connection):
            for name in DERIVED:
                rows += self._changed("lake_upkeep/superseded_derived", table=name)
            for table in SHARED:
                rows += self._changed("lake_upkeep/superseded", table=table.name)
                self._changed("lake_upkeep/tombstones", table=table.name)
            self._changed("lake_upkeep/publications")
            if erase:
                rows += self._erase()
        return rows

    def drop(self, shard: str) -> int:
        """Delete all rows of a shard, its marks and its claims, in one transaction; how many rows.

        Raises:
            ConfigurationError: The lake has no such shard.
        """
        if (f"mark_{shard}",) not in self._run("lake_upkeep/marks"):
            raise ConfigurationError(
                f"The lake has no shard {shard}.",
                hint='`taskhouse query --lake "FROM lake_shards"` lists the shards.',
            )
        rows = self._again(lambda: self._drop(shard))
        claims.give_up(self.leases.catalogue, shard)
        return rows

    def _drop(self, shard: str) -> int:
        rows = 0
        with sql.atomic(self.connection):
            for name in TABLES:
                if name != "shards.published":
                    text = sql.query("lake_upkeep/drop").format(table=name)
                    rows += int(self.connection.execute(text, {"shard": shard}).fetchall()[0][0])
            self._run("lake_upkeep/drop_publications", shard=shard)
            self.connection.execute(f"DROP TABLE lake.shards.mark_{shard}")
        return rows

    def rewrite(self) -> tuple[int, int]:
        """Write every file anew that has deleted rows, and remove all that is not needed now.

        Returns how many rows were in the catalogue, and how many files were removed.
        """
        moved = self.flush()
        for name in TABLES:
            schema, _, table = name.partition(".")
            self._rewrite(schema, table)
        self.merge()
        return moved, self.sweep()

    def sweep(self) -> int:
        """Remove all files that the newest snapshot does not need, also those that the catalogue does not know.

        This process may be stopped at any moment, for so long that others publish again. So a file that is not known
        is removed only if nobody can commit it any more: it was there before the marks changed, and is still not known
        after.
        """
        unknown = self._unknown()
        self.alone()
        if left := unknown & self._unknown():
            self._call(sql.query("lake_upkeep/schedule"), {"paths": sorted(left)})
        self._call("CALL ducklake_expire_snapshots('lake', older_than => now())")
        return len(self._call("CALL ducklake_cleanup_old_files('lake', cleanup_all => true)"))

    def _unknown(self) -> set[str]:
        """The files that the catalogue does not know."""
        text = "CALL ducklake_delete_orphaned_files('lake', cleanup_all => true, dry_run => true)"
        return {str(path) for (path,) in self._call(text)}

    def _rewrite(self, schema: str, table: str) -> None:
        self.go_on()
        self._call(f"CALL ducklake_rewrite_data_files('lake', '{table}', schema => '{schema}', delete_threshold => 0)")

    def _erase(self) -> int:
        rows = 0
        for name, columns in erasure.ABOUT.items():
            rows += sum(self._changed("lake_erasure/erase", table=name, column=column) for column in columns)
        rows += self._changed("lake_erasure/erase_quarantine")
        self._changed("lake_erasure/erase_keys")
        for name, column in erasure.MENTIONS.items():
            self._changed("lake_erasure/erase_mentions", table=name, column=column)
        return rows

    def _changed(self, address: str, **names: str) -> int:
        text = sql.query(address).format(**names)
        return int(self.connection.execute(text).fetchall()[0][0])

    def _run(self, address: str, **values: object) -> list[tuple[object, ...]]:
        return sql.run(self.connection, address, **values).fetchall()

    def _call(self, text: str, values: Mapping[str, object] | None = None) -> list[tuple[Any, ...]]:
        return self._again(lambda: self.connection.execute(text, values).fetchall())

    def _again(self, work: Callable[[], T]) -> T:
        """Do one transaction again if others disturb it: with SQLite, whoever writes first makes another one fail."""
        return again(self.lake, "Looking after", work)


@contextlib.contextmanager
def looking_after(settings: Settings, *, create: bool = False) -> Iterator[Upkeep]:
    """The lake, while no other process compacts or rewrites it; with ``create`` it need not exist yet.

    Raises:
        ConfigurationError: A setting is missing, or there is no such lake.
        Locked: Another process compacts or rewrites the lake.
        Retryable: The catalogue did not answer.
    """
    lake = Lake.of(settings)
    with (
        _alone_here(settings),
        contextlib.closing(connect(lake, create=create, spill=settings.home / "lake.tmp")) as connection,
    ):
        leases = Leases(Catalogue(lake, connection), "", f"{platform.node()}:{settings.home.absolute()}")
        try:
            leases.catalogue.prepare()
            leases.claim(UPKEEP, any_home=True, seconds=HELD_S)
            try:
                with renewed(leases, HELD_S):
                    yield Upkeep(lake, connection, leases)
            finally:
                leases.release(EVERYTHING)
                leases.release(UPKEEP)
        except duckdb.Error as problem:
            raise lake.failed(problem, "Looking after") from None


@contextlib.contextmanager
def _alone_here(settings: Settings) -> Iterator[None]:
    """A lease cannot tell two processes of a home apart from one that was killed and its successor."""
    try:
        with upkeep_lock(settings).acquire(timeout=LOCAL_WAIT_S):
            yield
    except Timeout:
        raise Locked(
            f"Another process of {settings.home.absolute()} looks after the lake.", hint="Wait for it to end."
        ) from None


def compact(settings: Settings) -> Kept:
    """Merge small files, and remove what is older than an hour and not needed; raises as :func:`looking_after`."""
    with looking_after(settings) as upkeep:
        before = upkeep.files()
        upkeep.alone()
        moved = upkeep.flush()
        upkeep.leases.release(EVERYTHING)
        upkeep.merge()
        removed = upkeep.expire()
        return Kept(0, moved, before, upkeep.files(), removed)


def rewrite(settings: Settings, run_or_task: str | None = None) -> Kept:
    """Delete superseded rows, and those of a run or a task, from every file, while publishers wait.

    Args:
        settings: The settings.
        run_or_task: The id of a run or a task.

    Raises:
        ConfigurationError: A setting is missing, or the lake has no such run or task.
        Locked: Another process compacts or rewrites the lake.
        Retryable: The catalogue did not answer.
    """
    with looking_after(settings) as upkeep:
        before = upkeep.files()
        upkeep.alone()
        if run_or_task is not None:
            upkeep.find(run_or_task)
        rows = upkeep.forget(erase=run_or_task is not None)
        moved, removed = upkeep.rewrite()
        return Kept(rows, moved, before, upkeep.files(), removed)


def drop(settings: Settings, shard: str) -> int:
    """Delete all that the lake has of a shard that nobody publishes any more, so others may have its projects.

    Args:
        settings: The settings.
        shard: Its name.

    Returns:
        How many rows were deleted. Their files go with the next :func:`rewrite`.

    Raises:
        ConfigurationError: A setting is missing, or the lake has no such shard.
        Locked: A process publishes that shard, or another one compacts or rewrites the lake.
        Retryable: The catalogue did not answer.
    """
    with looking_after(settings) as upkeep:
        its = Leases(upkeep.leases.catalogue, "", f"{upkeep.leases.place}, which drops it")
        if other := its.busy(shard):
            raise Locked(
                f"A process on {other.place} publishes shard {shard}.", hint="Stop it, then run the command again."
            )
        upkeep.alone()
        rows = upkeep.drop(shard)
        its.forget(shard)
        return rows


def rebuild(settings: Settings) -> Rebuilt:
    """Delete what the lake has of this shard, and publish the newest copy, in one transaction.

    Files that cannot be read and may have had rows of this shard are no longer part of the lake afterwards.

    Raises:
        ConfigurationError: A setting is missing, nothing was published here yet, or no file of the lake can be read.
        Locked: Another process publishes this shard, or compacts or rewrites the lake.
        Retryable: The catalogue did not answer.
    """
    with looking_after(settings, create=True) as upkeep, claimed(settings) as publisher:
        publisher.claim(any_home=True)
        upkeep.alone()
        damaged, shards = upkeep.mend(publisher.shard.name)
        tick = again(upkeep.lake, "Publishing anew", publisher.shard.anew)
        return Rebuilt(tick, damaged, tuple(shard for shard in shards if shard != publisher.shard.name))
