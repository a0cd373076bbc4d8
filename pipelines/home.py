"""Dagster's own folder inside ``TASKHOUSE_HOME``, with runs, ticks and check results."""

import contextlib
import errno
import functools
import gc
import hashlib
import importlib
import importlib.resources
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from filelock import FileLock, Timeout

if TYPE_CHECKING:
    from dagster import DagsterInstance

    from taskhouse.settings import Settings

CONFIG = "dagster.yaml"

FORMER = frozenset(
    {
        "2fe073efe0d72a53c345f860915300232b0a4d3cd04827ac7b909642472a5ef2",
        "996b31abbf37d58f29253991e441525897988fe0af969209850bdd768a4583de",
        "6e195222094053c72bcd2089a54266434cfe38f08e44cf57397d6871ef933b56",
    }
)
"""SHA-256 of each ``dagster.yaml`` that an earlier version wrote: an unchanged one is replaced by today's."""

ROOM_BYTES = 20e6
"""Disk space for about an hour of what Dagster writes; with less, its processes are not started."""

MOST_OPEN = 20
"""How many databases are kept open; each run has its own."""

_DAMAGED = ("file is not a database", "database disk image is malformed")
"""What SQLite says about a file that it cannot read."""


def dagster_home(settings: "Settings") -> Path:
    """Its absolute path."""
    return (settings.home / "dagster").resolve()


def prepare(settings: "Settings") -> Path:
    """Create Dagster's folder, with our ``dagster.yaml`` unless there is one already; returns its absolute path.

    The databases are created here, by one process only: two processes that create them at once damage them.
    """
    from taskhouse import home
    from taskhouse.atomic import appearing

    home.ready(settings)
    folder = dagster_home(settings)
    folder.mkdir(parents=True, exist_ok=True)
    ready = folder / ".ready"
    if ready.exists() and not _outdated(folder / CONFIG):
        return folder
    with FileLock(folder / ".prepare.lock", thread_local=False):
        if _outdated(folder / CONFIG):
            text = importlib.resources.files("taskhouse.pipelines").joinpath(CONFIG).read_text("utf-8")
            with appearing(folder / CONFIG) as draft:
                draft.write_text(text, "utf-8")
        if not ready.exists():
            with _readable(folder):
                _make_databases(str(folder))
            ready.touch()
    return folder


def _outdated(config: Path) -> bool:
    """Whether there is no such file, or one of an earlier version that nobody changed."""
    return not config.exists() or hashlib.sha256(config.read_bytes()).hexdigest() in FORMER


def _make_databases(folder: str) -> None:
    from dagster import DagsterInstance

    with DagsterInstance.from_config(folder) as opened:
        _look(opened)


def _look(opened: "DagsterInstance") -> None:
    """Ask each of the databases something."""
    opened.get_runs(limit=1)
    opened.event_log_storage.get_pool_limits()
    opened.all_instigator_state()


@contextlib.contextmanager
def sound(folder: Path) -> Iterator["DagsterInstance"]:
    """The Dagster instance of a folder, opened before Dagster's own processes, which say in tracebacks what is wrong.

    Raises:
        Corrupt: One of its databases is damaged.
        Full: The disk has no room for what Dagster writes.
    """
    from dagster import DagsterInstance

    from taskhouse.errors import Full

    free = shutil.disk_usage(folder).free
    if free < ROOM_BYTES:
        raise Full(
            f"The disk of {folder} has only {free / 1e6:.1f} MB left, and Dagster writes its records there.",
            hint=f"Free at least {ROOM_BYTES / 1e6:.0f} MB, then run the command again.",
        )
    with _readable(folder), DagsterInstance.from_config(str(folder)) as opened:
        _look(opened)
        yield opened


@contextlib.contextmanager
def _readable(folder: Path) -> Iterator[None]:
    from taskhouse.errors import Corrupt, TaskhouseError

    try:
        yield
    except Exception as problem:
        if isinstance(problem, TaskhouseError):
            raise
        for path in filter(Path.is_dir, folder.rglob("*.db")):  # SQLite says no more than that it cannot be opened
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path)) from problem
        if not any(words in str(problem) for words in _DAMAGED):
            raise
        raise Corrupt(
            f"Dagster's database {_damaged(folder)} is damaged.",
            hint=f"It does not contain your history. Move the folder {folder} away, then run the command again: Dagster"
            " creates a new one, without its list of earlier runs.",
        ) from problem


def _damaged(folder: Path) -> Path:
    """The first database that cannot be read; the folder if each of them can, such as one of PostgreSQL."""
    for path in sorted(folder.rglob("*.db")):
        try:
            with contextlib.closing(sqlite3.connect(path)) as connection:
                if connection.execute("PRAGMA quick_check(1)").fetchone() == ("ok",):
                    continue
        except sqlite3.Error:
            pass
        return path
    return folder


@functools.cache
def hasten() -> None:
    """Make Dagster's databases cheaper for a process that it starts, until its end: its code server, and each run.

    Dagster opens and closes a connection for each write, and closing the last one copies the write-ahead log into the
    database and waits for the disk. So one connection to each file stays open until the end, or until many others were
    opened. Commits do not wait for the disk either: a power failure may lose the last ones, but none of them is proof.

    Nothing is held locked while nothing is written, so the process can be forked.
    """
    from sqlalchemy import event
    from sqlalchemy.engine import Engine

    gc.freeze()
    held: dict[str, sqlite3.Connection] = {}

    def connected(connection: object, _record: object) -> None:
        """A connection was opened; one to another engine than SQLite is left as it is."""
        if not isinstance(connection, sqlite3.Connection):
            return
        connection.execute("PRAGMA synchronous = NORMAL")
        path = connection.execute("PRAGMA database_list").fetchone()[2]
        if path not in held and len(held) >= MOST_OPEN:
            held.pop(next(iter(held))).close()
        if path not in held and connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal":
            held[path] = sqlite3.connect(path, check_same_thread=False)
            # only a connection that has read holds the log
            held[path].execute("SELECT count(*) FROM sqlite_schema").fetchone()

    event.listen(Engine, "connect", connected)


@contextlib.contextmanager
def alone(settings: "Settings", waiting: Callable[[], None]) -> Iterator[None]:
    """Let one ``taskhouse sync`` of this home run at a time; the next one waits as long as it takes.

    Args:
        settings: Whose home.
        waiting: Called once if another sync is running.
    """
    folder = settings.home / "locks"
    folder.mkdir(parents=True, exist_ok=True)
    lock = FileLock(folder / "taskhouse-sync.lock", thread_local=False)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        waiting()
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
