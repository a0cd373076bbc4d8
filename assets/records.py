"""Dagster's records of runs: how long they are kept, and how deleted ones are removed from the disk."""

import contextlib
import sqlite3
import time
from datetime import datetime, timedelta
from pathlib import Path

import dagster as dg

LONGER = 6
"""Runs that did not succeed are kept this many times as long."""

AT_ONCE = 200
AT_MOST_S = 600.0
"""How long one step deletes runs; the next one continues."""

STRAY_S = 86400.0
"""How old the database of a run must be before it counts as left behind."""

WORTH = 16 << 20
"""From this number of unused bytes on, a database is rewritten if they are more than half of it."""

NO_RUN = ""
"""What Dagster takes for the id of a run if an event belongs to none; such events have a database of their own too."""

ENDED = {
    dg.DagsterRunStatus.SUCCESS: 1,
    dg.DagsterRunStatus.FAILURE: LONGER,
    dg.DagsterRunStatus.CANCELED: LONGER,
}


def ours(instance: dg.DagsterInstance, home: Path) -> bool:
    """Whether the records are those of a home, in its own Dagster folder, and nobody else's."""
    return Path(instance.root_directory).resolve() == (home / "dagster").resolve()


def forget(instance: dg.DagsterInstance, days: int, now: datetime) -> int:
    """Delete what is old; returns how many runs that were.

    Args:
        instance: The Dagster instance.
        days: How long successful runs and their results are kept.
        now: The time.
    """
    forgotten = _forget_runs(instance, days, now)
    _forget_checks(instance, now - timedelta(days=days))
    _forget_syncs(instance, now - timedelta(days=days))
    schedules = instance.schedule_storage
    if schedules is not None:
        # Dagster does both only for what it evaluates now; what an earlier version evaluated would stay for ever.
        schedules.purge_asset_evaluations(before=(now - timedelta(days=days)).timestamp())
        for each in instance.all_instigator_state():
            instance.purge_ticks(
                each.instigator_origin_id, each.selector_id, before=(now - timedelta(days=days * LONGER)).timestamp()
            )
    _forget_strays(instance, now)
    _shrink(instance)
    return forgotten


def _forget_runs(instance: dg.DagsterInstance, days: int, now: datetime) -> int:
    until = time.monotonic() + AT_MOST_S
    forgotten = 0
    for status, times in ENDED.items():
        old = dg.RunsFilter(statuses=[status], updated_before=now - timedelta(days=days * times))
        while time.monotonic() < until and (runs := instance.get_runs(old, limit=AT_ONCE)):
            for run in runs:
                instance.compute_log_manager.delete_logs(prefix=[run.run_id])
                instance.delete_run(run.run_id)
                _remove(_own_databases(instance), run.run_id)
            forgotten += len(runs)
    return forgotten


def _forget_checks(instance: dg.DagsterInstance, before: datetime) -> None:
    """Dagster keeps the answer to a check when it deletes its run; the newest answer to each stays."""
    from dagster._core.storage.event_log.schema import AssetCheckExecutionsTable as Answers
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
    from sqlalchemy import func, select

    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return
    newest = select(func.max(Answers.c.id)).group_by(Answers.c.asset_key, Answers.c.check_name)
    old = Answers.c.create_timestamp < before.replace(tzinfo=None)  # which Dagster writes in UTC
    with storage.index_connection() as connection:
        connection.execute(Answers.delete().where(old, Answers.c.id.not_in(newest)))


def _forget_syncs(instance: dg.DagsterInstance, before: datetime) -> None:
    """Delete what `taskhouse sync` reported, which belongs to no run; the newest event of each kind stays."""
    from dagster._core.storage.event_log.schema import SqlEventLogStorageTable as Events
    from dagster._core.storage.event_log.sql_event_log import SqlEventLogStorage
    from sqlalchemy import func, select

    storage = instance.event_log_storage
    if not isinstance(storage, SqlEventLogStorage):
        return
    of_no_run = Events.c.run_id == NO_RUN
    newest = (
        select(func.max(Events.c.id))
        .where(of_no_run)
        .group_by(Events.c.asset_key, Events.c.partition, Events.c.dagster_event_type)
    )
    old = Events.c.timestamp < before.replace(tzinfo=None)
    for connected in (storage.index_connection(), storage.run_connection(NO_RUN)):
        with connected as connection:
            connection.execute(Events.delete().where(of_no_run, old, Events.c.id.not_in(newest)))


def _own_databases(instance: dg.DagsterInstance) -> Path | None:
    """Where each run has a database of its own, if Dagster keeps its events so."""
    from dagster._core.storage.event_log.sqlite.sqlite_event_log import SqliteEventLogStorage

    storage = instance.event_log_storage
    return Path(storage.path_for_shard("")).parent if isinstance(storage, SqliteEventLogStorage) else None


def _remove(folder: Path | None, run_id: str) -> None:
    """Dagster empties the database of a run that it deletes, and leaves the file at its size."""
    if folder is not None:
        for ending in (".db", ".db-wal", ".db-shm"):
            folder.joinpath(f"{run_id}{ending}").unlink(missing_ok=True)


def _forget_strays(instance: dg.DagsterInstance, now: datetime) -> None:
    """Remove the databases of runs that were deleted by other means, or by an earlier version."""
    folder = _own_databases(instance)
    for path in folder.glob("*-*.db") if folder else ():
        if now.timestamp() - path.stat().st_mtime > STRAY_S and not instance.has_run(path.stem):
            _remove(folder, path.stem)


def _shrink(instance: dg.DagsterInstance) -> None:
    """Return the unused space of the common databases to the disk; a busy one is left for the next day."""
    folder = _own_databases(instance)
    if folder is None:
        return
    common = (folder / "index.db", folder / f"{NO_RUN}.db", folder.parent / "runs.db")
    for path in (*common, folder.parent.parent / "schedules" / "schedules.db"):
        if not path.exists():
            continue
        with (
            contextlib.suppress(sqlite3.OperationalError),
            contextlib.closing(sqlite3.connect(path, timeout=10, isolation_level=None)) as database,
        ):
            asked = ("page_size", "page_count", "freelist_count")
            page, pages, free = (database.execute(f"PRAGMA {what}").fetchone()[0] for what in asked)
            if free * page > WORTH and free * 2 > pages:
                database.execute("VACUUM")
